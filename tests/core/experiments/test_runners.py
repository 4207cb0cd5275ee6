"""Runners of jobs in this process and in subprocesses."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from core.contracts.jobs import AdaptJob, JobKind, JobRecord, PretrainJob, Progress
from core.contracts.reports import Report
from core.contracts.values import MTOD, now
from core.errors import JobCancelled
from core.experiments.records import JobError
from core.experiments.runners import Message, in_process_runner, subprocess_runner
from core.store import Store
from core.store.serialization import encode_document
from tests.core.experiments import synthetic_runs
from tests.core.experiments.small_experiments import ignore_progress
from tests.core.pipeline.small_jobs import put_dataset
from tests.core.tiny import english


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def pretrain(store: Store, encoder: Path) -> JobRecord:
    dataset_id = put_dataset(store, english(), "en")
    return record(PretrainJob(task=MTOD, source_language="en", dataset_id=dataset_id, encoder=str(encoder)))


def adapt_without_base(store: Store) -> JobRecord:
    dataset_id = put_dataset(store, english(), "es")
    return record(AdaptJob(task=MTOD, language="es", dataset_id=dataset_id, base_id="gone"))


def record(request: AdaptJob | PretrainJob) -> JobRecord:
    return JobRecord(
        job_id="job",
        kind=JobKind(request.kind),
        task=request.task,
        language="es",
        request=request,
        created_at=now(),
    )


def test_in_process_runner_returns_the_error_of_a_failed_job(store: Store) -> None:
    outcome = in_process_runner(store, device="cpu")(adapt_without_base(store), ignore_progress)
    assert outcome == JobError(kind="NotFound", reason="there is no checkpoint 'gone'")


@pytest.mark.parametrize(
    "outcome", [JobError(kind="NotFound", reason="gone"), synthetic_runs.report("ft", 0.5)]
)
def test_message_round_trips_an_outcome(outcome: Report | JobError) -> None:
    message = Message(outcome=outcome)
    assert Message.model_validate_json(encode_document(message)) == message


def test_in_process_runner_raises_what_the_monitor_raises(store: Store, bert_folder: Path) -> None:
    def cancel(_: Progress) -> None:
        raise JobCancelled("enough")

    with pytest.raises(JobCancelled):
        in_process_runner(store, device="cpu")(pretrain(store, bert_folder), cancel)


def test_subprocess_runner_forwards_progress_and_returns_report(
    store: Store, tmp_path: Path, bert_folder: Path
) -> None:
    reports: list[Progress] = []
    runner = subprocess_runner(str(tmp_path / "store"), device="cpu", threads=1)
    outcome = runner(pretrain(store, bert_folder), reports.append)
    assert isinstance(outcome, Report)
    assert store.checkpoints.manifest(MTOD, str(outcome.result.checkpoint_id))
    assert {report.stage for report in reports} == {"pre", "evaluate"}
    assert reports[-1].percent == 100
    assert multiprocessing.active_children() == []


def after_start(action: Callable[[BaseProcess], None]) -> None:
    """Apply an action to the process of a job soon after it is started."""

    def watch() -> None:
        while not (processes := multiprocessing.active_children()):
            time.sleep(0.01)
        time.sleep(0.2)
        action(processes[0])

    threading.Thread(target=watch, daemon=True).start()


def test_subprocess_runner_returns_an_error_when_process_is_killed(store: Store, tmp_path: Path) -> None:
    after_start(lambda child: child.kill())
    outcome = subprocess_runner(str(tmp_path / "store"), device="cpu", threads=1)(
        adapt_without_base(store), ignore_progress
    )
    assert outcome == JobError(
        kind="ProcessLost", reason="the process of the job was killed by signal 9 before it had a report"
    )


def test_subprocess_runner_ends_process_on_ctrl_c(store: Store, tmp_path: Path) -> None:
    after_start(lambda _: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        subprocess_runner(str(tmp_path / "store"), device="cpu", threads=1)(
            adapt_without_base(store), ignore_progress
        )
    assert multiprocessing.active_children() == []
