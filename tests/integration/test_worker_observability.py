"""What an operator sees of a worker: RQ's command line, the log, and the counters."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import MTOD
from tests.integration.workers import WorkerHarness, wait_until
from tests.worker.fakes import STEPS, adapt_record

RQ = Path(sys.executable).with_name("rq")


def rq_info(harness: WorkerHarness) -> dict[str, list[str]]:
    """Run ``rq info``; return its lines by their first word."""
    completed = subprocess.run(
        [RQ, "info", "--raw", "--url", harness.redis_url], capture_output=True, text=True, check=True
    )
    lines_by_kind: dict[str, list[str]] = {}
    for line in completed.stdout.splitlines():
        kind, _, rest = line.partition(" ")
        lines_by_kind.setdefault(kind, []).append(rest)
    return lines_by_kind


@pytest.mark.skipif(not RQ.exists(), reason="rq is not installed beside this Python")
def test_rq_info_shows_the_queue_and_the_worker(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("first", "long")
    harness.wait_for_start("first")
    harness.submit("second")

    entries = rq_info(harness)

    assert entries["queue"] == ["xmetra 1, 1 executing, 0 finished, 0 failed"]
    (worker,) = entries["worker"]
    assert "busy xmetra" in worker
    assert (harness.queue.stats().waiting, harness.queue.stats().running, harness.queue.stats().workers) == (
        1,
        1,
        1,
    )


def test_worker_logs_the_request_id_of_a_job(harness: WorkerHarness) -> None:
    harness.start()
    harness.store.jobs.save(adapt_record("submitted"))
    harness.queue.enqueue("submitted", request_id="trace-1")
    harness.wait_for_end("submitted")

    def entries() -> dict[str, tuple[str | None, str | None]]:
        lines = (json.loads(line) for line in harness.log.read_text().splitlines())
        return {line["event"]: (line.get("job_id"), line.get("request_id")) for line in lines}

    wait_until(lambda: "job_ended" in entries())
    assert entries()["job_started"] == entries()["job_ended"] == ("submitted", "trace-1")
    assert entries()["worker_ready"] == (None, None)


def test_worker_logs_both_ids_of_a_job_whose_process_died(harness: WorkerHarness) -> None:
    harness.start()
    harness.store.jobs.save(adapt_record("dies", "killed"))
    harness.queue.enqueue("dies", request_id="trace-2")
    harness.wait_for_end("dies")
    wait_until(lambda: "job_ended" in harness.log.read_text())
    lines = [json.loads(line) for line in harness.log.read_text().splitlines()]
    entries = {line["event"]: (line["job_id"], line["request_id"]) for line in lines if "request_id" in line}
    assert entries["job_process_died"] == entries["job_ended"] == ("dies", "trace-2")


def test_worker_logs_the_number_of_faults_but_no_user_input(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("faulty", "faulty")
    harness.wait_for_end("faulty")
    wait_until(lambda: "job_ended" in harness.log.read_text())
    assert '"reason": "2 faults were found"' in harness.log.read_text()
    assert "unknown intent" not in harness.log.read_text()


def test_counters_include_the_work_of_forks(harness: WorkerHarness) -> None:
    harness.start()
    harness.submit("good")
    harness.wait_for_end("good")
    harness.submit("killed", "killed")
    harness.wait_for_end("killed")
    harness.submit("last")
    harness.wait_for_end("last")

    def jobs() -> dict[JobStatus, int]:
        counts = harness.queue.counters.values().jobs
        return {status: counts.get((JobKind.ADAPT, MTOD, status), 0) for status in JobStatus}

    wait_until(lambda: jobs()[JobStatus.SUCCEEDED] == 2)
    assert jobs()[JobStatus.FAILED] == 1
    assert harness.queue.counters.values().training[MTOD, "meta-train"].steps == 2 * STEPS
