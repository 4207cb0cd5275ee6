"""Experiments small enough for a test: a tiny encoder, a few steps, a few utterances in a folder of data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.contracts.jobs import AdaptJob, JobRecord, Progress
from core.contracts.reports import Report
from core.experiments.corpora import find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.experiments.records import Failed, Failure
from core.experiments.results import Results, gather_results
from core.experiments.runners import Runner, run_here
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
    """Write English and Spanish utterances as the samples lie, and return the folder."""
    mtod = folder / "mtod"
    mtod.mkdir(parents=True)
    spoken = spanish()
    for name, examples in {
        "en.jsonl": english(),
        "en.held-out.jsonl": english()[::3],
        "es.few-shot.jsonl": spoken[::2],
        "es.held-out.jsonl": spoken[1::2],
    }.items():
        (mtod / name).write_bytes(write_jsonl(examples))
    return folder


def experiment(encoder: Path, **changes: Any) -> Experiment:
    """Return an experiment of seconds."""
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


def nobody(_: Progress) -> None:
    """Listen to no progress."""


def run(
    asked: Experiment,
    data: Path,
    folder: Folder,
    *,
    monitor: Monitor = nobody,
    around: Callable[[Runner], Runner] = lambda runner: runner,
) -> list[Failure]:
    """Run an experiment in this process.

    Args:
        asked: What to do.
        data: The data folder.
        folder: Where everything is kept.
        monitor: Told of the progress.
        around: Changes how a job is done.
    """
    corpora = find_corpora(data, asked.task, asked.languages)
    runner = around(run_here(Store(folder.store), device="cpu"))
    return run_experiment(asked, corpora, folder, runner=runner, monitor=monitor)


def results(asked: Experiment, data: Path, folder: Folder) -> Results:
    """Run an experiment in this process and return its results."""
    run(asked, data, folder)
    return gather_results(folder)


def counting(done: list[str]) -> Callable[[Runner], Runner]:
    """Note the id of every job that is begun."""

    def around(runner: Runner) -> Runner:
        def do(record: JobRecord, monitor: Monitor) -> Report | Failed:
            done.append(record.job_id)
            return runner(record, monitor)

        return do

    return around


def failing(method: str) -> Callable[[Runner], Runner]:
    """Let every run of a method fail."""

    def around(runner: Runner) -> Runner:
        def do(record: JobRecord, monitor: Monitor) -> Report | Failed:
            if isinstance(record.request, AdaptJob) and record.request.method == method:
                return Failed(kind="TrainingDiverged", reason="the loss of step 3 is nan")
            return runner(record, monitor)

        return do

    return around
