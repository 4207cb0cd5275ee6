"""What an operator sees of a real worker: with RQ's own tool, in its log, and in the tallies."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import TaskName
from tests.integration.workers import Bench, wait_until
from tests.worker.fakes import STEPS, adapt_record

RQ = Path(sys.executable).with_name("rq")


def rq_info(bench: Bench) -> dict[str, list[str]]:
    """Ask RQ's own tool; return its lines by their first word."""
    ran = subprocess.run(
        [RQ, "info", "--raw", "--url", bench.redis_url], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for line in ran.stdout.splitlines():
        kind, _, rest = line.partition(" ")
        found.setdefault(kind, []).append(rest)
    return found


@pytest.mark.skipif(not RQ.exists(), reason="RQ's tool is not beside this Python")
def test_rq_info_shows_the_queue_and_the_worker(bench: Bench) -> None:
    bench.start()
    bench.send("first", "long")
    bench.wait_for_start("first")
    bench.send("second")

    told = rq_info(bench)

    assert told["queue"] == ["xmetra 1, 1 executing, 0 finished, 0 failed"]
    (worker,) = told["worker"]
    assert "busy xmetra" in worker
    assert (bench.queue.stats().waiting, bench.queue.stats().running, bench.queue.stats().workers) == (
        1,
        1,
        1,
    )


def test_the_worker_logs_which_request_sent_a_job(bench: Bench) -> None:
    bench.start()
    bench.store.jobs.save(adapt_record("asked"))
    bench.queue.enqueue("asked", request_id="trace-1")
    bench.wait_for_end("asked")

    def told() -> dict[str, tuple[str | None, str | None]]:
        lines = (json.loads(line) for line in bench.log.read_text().splitlines())
        return {line["event"]: (line.get("job_id"), line.get("request_id")) for line in lines}

    wait_until(lambda: "job_ended" in told())
    assert told()["job_started"] == told()["job_ended"] == ("asked", "trace-1")
    assert told()["worker_ready"] == (None, None)


def test_the_end_of_a_job_whose_process_died_names_both_too(bench: Bench) -> None:
    bench.start()
    bench.store.jobs.save(adapt_record("dies", "killed"))
    bench.queue.enqueue("dies", request_id="trace-2")
    bench.wait_for_end("dies")
    wait_until(lambda: "job_ended" in bench.log.read_text())
    lines = [json.loads(line) for line in bench.log.read_text().splitlines()]
    told = {line["event"]: (line["job_id"], line["request_id"]) for line in lines if "request_id" in line}
    assert told["job_process_died"] == told["job_ended"] == ("dies", "trace-2")


def test_faults_in_what_a_user_wrote_are_counted_in_the_log_and_not_quoted(bench: Bench) -> None:
    bench.start()
    bench.send("faulty", "faulty")
    bench.wait_for_end("faulty")
    wait_until(lambda: "job_ended" in bench.log.read_text())
    assert '"reason": "2 faults were found"' in bench.log.read_text()
    assert "unknown intent" not in bench.log.read_text()


def test_what_forks_did_is_counted(bench: Bench) -> None:
    bench.start()
    bench.send("good")
    bench.wait_for_end("good")
    bench.send("killed", "killed")
    bench.wait_for_end("killed")
    bench.send("last")
    bench.wait_for_end("last")

    def jobs() -> dict[JobStatus, int]:
        counted = bench.queue.counters.values().jobs
        return {status: counted.get((JobKind.ADAPT, TaskName.MTOD, status), 0) for status in JobStatus}

    wait_until(lambda: jobs()[JobStatus.SUCCEEDED] == 2)
    assert jobs()[JobStatus.FAILED] == 1
    assert bench.queue.counters.values().training[TaskName.MTOD, "meta-train"].steps == 2 * STEPS
