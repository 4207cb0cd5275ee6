"""Experiments small enough for tests: a tiny encoder, few steps and few utterances."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.contracts.jobs import AdaptJob, JobRecord, Progress
from core.contracts.reports import Report
from core.experiments.corpora import find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.experiments.records import Failure, JobError
from core.experiments.results import Results, gather_results
from core.experiments.runners import Runner, in_process_runner
from core.experiments.running import run_experiment
from core.formats import write_jsonl
from core.progress import Monitor
from core.store import Store
from tests.core.tiny import english, spanish

SETTINGS: dict[str, Any] = {
    "tune": False,
    "fine_tune": {"min_steps": 1, "epochs": 2, "batch_size": 8, "encoder_lr": 3e-3, "heads_lr": 1e-2},
    "meta": {"outer_lr": 3e-3, "heads_outer_lr": 1e-2, "meta_train_steps": 4, "meta_adapt_steps": 2},
}
BASE_SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 8, "encoder_lr": 3e-3, "heads_lr": 1e-2}


def write_samples(folder: Path) -> Path:
    """Write English and Spanish utterances in the layout of the samples, and return the folder."""
    mtod = folder / "mtod"
    mtod.mkdir(parents=True)
    target = spanish()
    for name, examples in {
        "en.jsonl": english(),
        "en.held-out.jsonl": english()[::3],
        "es.few-shot.jsonl": target[::2],
        "es.held-out.jsonl": target[1::2],
    }.items():
        (mtod / name).write_bytes(write_jsonl(examples))
    return folder


def experiment(encoder: Path, **changes: Any) -> Experiment:
    """Return an experiment that takes seconds."""
    fields: dict[str, Any] = {
        "task": "mtod",
        "languages": ("es",),
        "methods": ("ft", "x-metra-ada"),
        "seeds": (42, 35),
        "encoder": str(encoder),
        "settings": SETTINGS,
        "base_settings": BASE_SETTINGS,
    }
    return Experiment.model_validate(fields | changes)


def ignore_progress(_: Progress) -> None:
    """Ignore progress."""


def run(
    specification: Experiment,
    data: Path,
    folder: Folder,
    *,
    monitor: Monitor = ignore_progress,
    wrap: Callable[[Runner], Runner] = lambda runner: runner,
) -> list[Failure]:
    """Run an experiment in this process.

    Args:
        specification: The experiment.
        data: The data folder.
        folder: The experiment's folder.
        monitor: Receives the progress.
        wrap: Wraps the runner of jobs.
    """
    corpora = find_corpora(data, specification.task, specification.languages)
    runner = wrap(in_process_runner(Store(folder.store), device="cpu"))
    return run_experiment(specification, corpora, folder, runner=runner, monitor=monitor)


def results(specification: Experiment, data: Path, folder: Folder) -> Results:
    """Run an experiment in this process and return its results."""
    run(specification, data, folder)
    return gather_results(folder)


def recording_jobs(job_ids: list[str]) -> Callable[[Runner], Runner]:
    """Return a wrapper that appends the id of every started job to a list."""

    def wrap(runner: Runner) -> Runner:
        def run_job(record: JobRecord, monitor: Monitor) -> Report | JobError:
            job_ids.append(record.job_id)
            return runner(record, monitor)

        return run_job

    return wrap


def failing_method(method: str) -> Callable[[Runner], Runner]:
    """Return a wrapper that lets every run of a method fail."""

    def wrap(runner: Runner) -> Runner:
        def run_job(record: JobRecord, monitor: Monitor) -> Report | JobError:
            if isinstance(record.request, AdaptJob) and record.request.method == method:
                return JobError(kind="TrainingDiverged", reason="the loss of step 3 is nan")
            return runner(record, monitor)

        return run_job

    return wrap
