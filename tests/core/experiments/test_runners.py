"""Jobs done here, and in processes of their own."""

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
from core.contracts.values import TaskName, now
from core.errors import JobCancelled
from core.experiments.records import Failed
from core.experiments.runners import Message, run_apart, run_here
from core.store import Store
from core.store.serialization import encoded
from tests.core.experiments import made_up
from tests.core.experiments.laboratory import nobody
from tests.core.pipeline.workshop import put
from tests.core.tiny import english


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def pretrain(store: Store, encoder: Path) -> JobRecord:
    dataset_id = put(store, english(), "en")
    return record(
        PretrainJob(task=TaskName.MTOD, source_language="en", dataset_id=dataset_id, encoder=str(encoder))
    )


def adapt_from_nothing(store: Store) -> JobRecord:
    dataset_id = put(store, english(), "es")
    return record(AdaptJob(task=TaskName.MTOD, language="es", dataset_id=dataset_id, base_id="gone"))


def record(request: AdaptJob | PretrainJob) -> JobRecord:
    return JobRecord(
        job_id="job",
        kind=JobKind(request.kind),
        task=request.task,
        language="es",
        request=request,
        created_at=now(),
    )


def test_a_job_that_cannot_be_done_is_told_with_its_reason(store: Store) -> None:
    ended = run_here(store, device="cpu")(adapt_from_nothing(store), nobody)
    assert ended == Failed(kind="NotFound", reason="there is no checkpoint 'gone'")


@pytest.mark.parametrize("ended", [Failed(kind="NotFound", reason="gone"), made_up.report("ft", 0.5)])
def test_how_a_job_ended_survives_the_way_between_processes(ended: Report | Failed) -> None:
    message = Message(ended=ended)
    assert Message.model_validate_json(encoded(message)) == message


def test_what_the_monitor_raises_ends_the_work(store: Store, bert_folder: Path) -> None:
    def cancel(_: Progress) -> None:
        raise JobCancelled("enough")

    with pytest.raises(JobCancelled):
        run_here(store, device="cpu")(pretrain(store, bert_folder), cancel)


def test_a_process_of_its_own_tells_its_progress_and_gives_its_report(
    store: Store, tmp_path: Path, bert_folder: Path
) -> None:
    told: list[Progress] = []
    apart = run_apart(str(tmp_path / "store"), device="cpu", threads=1)
    ended = apart(pretrain(store, bert_folder), told.append)
    assert isinstance(ended, Report)
    assert store.checkpoints.manifest(TaskName.MTOD, str(ended.result.checkpoint_id))
    assert {one.stage for one in told} == {"pre", "evaluate"}
    assert told[-1].percent == 100
    assert multiprocessing.active_children() == []


def when_begun(act: Callable[[BaseProcess], None]) -> None:
    """Do something to the process of a job as soon as there is one."""

    def watch() -> None:
        while not (begun := multiprocessing.active_children()):
            time.sleep(0.01)
        time.sleep(0.2)
        act(begun[0])

    threading.Thread(target=watch, daemon=True).start()


def test_a_process_that_is_killed_is_a_failure_of_its_job(store: Store, tmp_path: Path) -> None:
    when_begun(lambda child: child.kill())
    ended = run_apart(str(tmp_path / "store"), device="cpu", threads=1)(adapt_from_nothing(store), nobody)
    assert ended == Failed(
        kind="ProcessLost", reason="the process of the job was killed by signal 9 before it had a report"
    )


def test_ctrl_c_ends_the_process_of_a_job_too(store: Store, tmp_path: Path) -> None:
    when_begun(lambda _: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run_apart(str(tmp_path / "store"), device="cpu", threads=1)(adapt_from_nothing(store), nobody)
    assert multiprocessing.active_children() == []
