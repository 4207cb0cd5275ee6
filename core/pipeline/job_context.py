"""What jobs of both kinds share: where they work, how they publish, and what they report."""

import platform
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.checkpoints import write_addition, write_whole
from core.contracts.calibrations import PLAIN
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import Candidate, CheckpointManifest, Report
from core.contracts.values import BASE, TaskName, Trainable, now
from core.progress import Monitor
from core.store import Store
from core.system.compute import peak_memory_bytes
from core.tasks.engine import TaskLearner
from core.training.adapters import merge


def _library_versions() -> dict[str, str]:
    """Return the versions that decide a result."""
    names = ("xmetra", "torch", "transformers", "learn2learn", "pytorch-crf")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def _version(name: str) -> str:
    """Return a package's version; a report must not fail for one that runs from its source folder."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job leaves behind.

    Attributes:
        report: What was done, measured and decided.
    """

    report: Report

    @property
    def checkpoint_id(self) -> str:
        """The checkpoint in the store.

        Raises:
            ValueError: The job was not to keep any.
        """
        if self.report.result.checkpoint_id is None:
            raise ValueError("the job kept no checkpoint")
        return self.report.result.checkpoint_id


@dataclass(frozen=True, slots=True)
class JobContext:
    """Where a job works.

    Attributes:
        store: Data in, checkpoints out.
        device: A torch device.
        monitor: Told of every step.
        job_id: Which job this is.
        started: When, by the monotonic clock.
        versions: Of the libraries; looked up before the work, so that nothing can fail after it.
    """

    store: Store
    device: str
    monitor: Monitor
    job_id: str
    started: float = field(default_factory=time.monotonic)
    versions: dict[str, str] = field(default_factory=_library_versions)

    def report(self, **found: Any) -> Report:  # noqa: ANN401 - `Report` checks every field
        """Return a report of what was found, with the circumstances of this run."""
        return Report(
            **found,
            versions=self.versions,
            device=self.device,
            wall_seconds=round(time.monotonic() - self.started, 2),
            peak_memory_bytes=peak_memory_bytes(),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a checkpoint comes from; the fields are its manifest's."""

    task: TaskName
    method: str
    languages: tuple[str, ...]
    base_id: str | None
    dataset_ids: dict[str, str]
    seconds_per_example: float | None
    trainable: Trainable = Trainable.ALL


def deploy_if_promoted(report: Report, job: AdaptJob | PretrainJob, context: JobContext) -> Outcome:
    """Let the checkpoint serve if that was decided, and return what the job leaves behind.

    A job that is killed here is done again, and must not deploy twice, nor deploy one checkpoint and
    report another: so what it decided is written down first, and the next attempt begins with that.

    Raises:
        StoreFull: There is no space left.
        StoreUnavailable: The store cannot be written.
    """
    if not report.decision.promoted:
        return Outcome(report)
    report = context.store.jobs.save_outcome(context.job_id, report)
    outcome = Outcome(report)
    key = job.language if isinstance(job, AdaptJob) else BASE
    context.store.deployments.deploy(
        job.task, key, outcome.checkpoint_id, reason=report.decision.reason, job_id=context.job_id
    )
    return outcome


def publish(
    learner: TaskLearner[Any, Any], origin: Origin, measured: Candidate, store: Store
) -> CheckpointManifest:
    """Write a checkpoint into the store under a new name, with its scores and temperatures.

    Raises:
        StoreFull: There is no space left.
        StoreUnavailable: The store cannot be written.
    """
    checkpoint_id = uuid.uuid4().hex
    # Without a base to add to, all there is must be kept.
    trainable = Trainable.ALL if origin.base_id is None else origin.trainable
    with tempfile.TemporaryDirectory(prefix="xmetra-") as name:
        folder = Path(name)
        files = _written(learner, folder, origin, trainable)
        manifest = CheckpointManifest(
            checkpoint_id=checkpoint_id,
            task=origin.task,
            method=origin.method,
            languages=origin.languages,
            base_id=origin.base_id,
            dataset_ids=origin.dataset_ids,
            encoder=learner.encoder.name,
            intents=learner.intents,
            slots=learner.slots,
            trainable=trainable,
            files=files,
            bytes=sum((folder / file).stat().st_size for file in files),
            seconds_per_example=origin.seconds_per_example,
            evaluation=measured.evaluation,
            temperatures=measured.calibration.temperatures if measured.calibration else PLAIN,
            created_at=now(),
        )
        store.checkpoints.publish(folder, manifest=manifest)
    return manifest


def _written(
    learner: TaskLearner[Any, Any], folder: Path, origin: Origin, trainable: Trainable
) -> dict[str, str]:
    """Write a learner's files, whole or as what it added to its base."""
    if trainable is not Trainable.ALL:
        return write_addition(learner, folder, trainable=trainable)
    if origin.trainable is Trainable.LORA:
        merge(learner.body)
    return write_whole(learner, folder)


def timed(work: Callable[[], None]) -> float:
    """Do something and return the seconds it took."""
    began = time.monotonic()
    work()
    return time.monotonic() - began
