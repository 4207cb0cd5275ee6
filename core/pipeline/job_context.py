"""Context of a job: store, device and monitor; publication of its checkpoint, and its report."""

import platform
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from core.checkpoints import write_delta, write_full
from core.contracts.calibrations import PLAIN
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import Candidate, CheckpointManifest, Report
from core.contracts.values import BASE, TaskName, Trainable, now
from core.progress import Monitor
from core.store import Store
from core.system.compute import peak_memory_bytes
from core.tasks.engine import TaskLearner
from core.training.adapters import merge_adapters


def _library_versions() -> dict[str, str]:
    """Return the versions of the libraries that determine a result."""
    names = ("xmetra", "torch", "transformers", "learn2learn", "pytorch-crf")
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def _version(name: str) -> str:
    """Return a package's version; a package that runs from its source folder may have none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a job.

    Attributes:
        report: Measurements and the promotion decision.
    """

    report: Report

    @property
    def checkpoint_id(self) -> str:
        """Id of the checkpoint in the store.

        Raises:
            ValueError: The job was to store none.
        """
        if self.report.result.checkpoint_id is None:
            raise ValueError("the job kept no checkpoint")
        return self.report.result.checkpoint_id


@dataclass(frozen=True, slots=True)
class JobContext:
    """Context of a running job.

    Attributes:
        store: Source of the data and target of the checkpoint.
        device: A torch device.
        monitor: Receives the progress of every step.
        job_id: Id of the job.
        started: Start by the monotonic clock, in seconds.
        versions: Versions of the libraries; read at the start, so that a failure comes before the work.
    """

    store: Store
    device: str
    monitor: Monitor
    job_id: str
    started: float = field(default_factory=time.monotonic)
    versions: dict[str, str] = field(default_factory=_library_versions)

    def report(self, **fields: Any) -> Report:  # noqa: ANN401 - `Report` checks every field
        """Return a report, with the versions, device, time and memory of this run."""
        return Report(
            **fields,
            versions=self.versions,
            device=self.device,
            wall_seconds=round(time.monotonic() - self.started, 2),
            peak_memory_bytes=peak_memory_bytes(),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """Provenance of a checkpoint; the fields are those of `CheckpointManifest`."""

    task: TaskName
    method: str
    languages: tuple[str, ...]
    base_id: str | None
    dataset_ids: dict[str, str]
    seconds_per_example: float | None
    trainable: Trainable = Trainable.ALL


def deploy_if_promoted(report: Report, job: AdaptJob | PretrainJob, context: JobContext) -> Outcome:
    """Deploy the checkpoint if it was promoted, and return the result of the job.

    A job that is killed here is run again, and must not deploy twice, nor deploy one checkpoint and report
    another: the decision is stored first, and the next attempt begins with it.

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
    # Without a base, all tensors must be stored.
    trainable = Trainable.ALL if origin.base_id is None else origin.trainable
    with tempfile.TemporaryDirectory(prefix="xmetra-") as name:
        folder = Path(name)
        files = _write(learner, folder, origin, trainable)
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


def _write(
    learner: TaskLearner[Any, Any], folder: Path, origin: Origin, trainable: Trainable
) -> dict[str, str]:
    """Write a learner's files: all of its weights, or its difference to the base."""
    if trainable is not Trainable.ALL:
        return write_delta(learner, folder, trainable=trainable)
    if origin.trainable is Trainable.LORA:
        merge_adapters(learner.body)
    return write_full(learner, folder)


def timed(work: Callable[[], None]) -> float:
    """Call a function and return its duration in seconds."""
    started_at = time.monotonic()
    work()
    return time.monotonic() - started_at
