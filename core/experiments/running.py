"""A whole experiment: the base, then every run of the grid that has no report yet."""

from dataclasses import dataclass
from functools import cached_property

from core.contracts.examples import DatasetManifest
from core.contracts.jobs import AdaptJob, JobKind, JobRecord, PretrainJob, Progress
from core.contracts.reports import Report
from core.contracts.values import Promotion, now
from core.experiments.corpora import Corpora
from core.experiments.costs import Costs
from core.experiments.folder import BASE, Folder
from core.experiments.grid import SOURCE, Cell, Experiment
from core.experiments.grid_progress import GridProgress
from core.experiments.manifest import begin
from core.experiments.records import BaseRun, Failed, Failure, Kept, Run
from core.experiments.runners import Runner
from core.experiments.sampling import Draws
from core.progress import Monitor
from core.store import Store

LONGEST_ID = 64

READING = "reading the data"

TO_BE_MADE = "to-be-made"
"""Stands for the base in a job that is only planned yet."""


def run_experiment(
    experiment: Experiment, corpora: Corpora, folder: Folder, *, runner: Runner, monitor: Monitor
) -> list[Failure]:
    """Do what an experiment asks and its folder does not hold yet.

    Each report is kept as soon as it is there, so that an experiment that was interrupted goes on with the
    run it was interrupted in.

    Args:
        experiment: What is asked for.
        corpora: Its data.
        folder: Where everything is kept.
        runner: Does a job.
        monitor: Told of the progress of the whole; what it raises stops the work.

    Returns:
        The runs that failed: of them nothing but the reason is kept. Without a base there are no others.

    Raises:
        Conflict: The folder holds an experiment with other settings or other data.
        InvalidInput: A file cannot be read.
    """
    monitor(Progress(stage=READING))
    kept = begin(experiment, corpora, folder)
    grid = _Grid(experiment, kept, corpora, folder, runner)
    return grid.run(monitor)


@dataclass(frozen=True)
class _Grid:
    """An experiment that is being run."""

    experiment: Experiment
    kept: Kept
    corpora: Corpora
    folder: Folder
    runner: Runner

    def run(self, monitor: Monitor) -> list[Failure]:
        """Do what is left to do."""
        planned = {cell: self._adapt_job(cell) for cell in self.experiment.cells()}
        progress = self._progress(planned, monitor)
        base = self._base(progress)
        if isinstance(base, Failure):
            return [base]
        failures = []
        for cell, job in planned.items():
            if self.folder.run(cell.key).exists():
                continue
            ready = job.model_copy(update={"base_id": base.report.result.checkpoint_id})
            failed = self._run(cell, ready, progress)
            failures += [failed] if failed else []
        return failures

    @cached_property
    def _store(self) -> Store:
        return Store(self.folder.store)

    @cached_property
    def _draws(self) -> Draws:
        return Draws(self.corpora, self._store, self.folder)

    @cached_property
    def _source(self) -> DatasetManifest:
        return self._put(self.corpora.layout.source)

    @cached_property
    def _pretrain_job(self) -> PretrainJob:
        return PretrainJob(
            task=self.experiment.task,
            source_language=SOURCE,
            dataset_id=self._source.dataset_id,
            evaluation_dataset_id=self._put(self.corpora.layout.source_evaluation).dataset_id,
            encoder=self.experiment.encoder,
            settings=self.kept.base_settings,
            promote=Promotion.NEVER,
        )

    def _put(self, file: str) -> DatasetManifest:
        """Store a file of the source language."""
        examples = self.corpora.examples(file)
        return self._store.datasets.put(examples, task=self.experiment.task, language=SOURCE)

    def _adapt_job(self, cell: Cell) -> AdaptJob:
        """Return the job of a cell, but for its base."""
        draw = self._draws.of(cell)
        return AdaptJob(
            task=self.experiment.task,
            language=cell.language,
            dataset_id=draw.few_shot.dataset_id,
            evaluation_dataset_id=draw.evaluation.dataset_id,
            base_id=TO_BE_MADE,
            method=cell.method,
            hyperparameters=self.experiment.settings_of(cell),
            promote=Promotion.NEVER,
            similarity=self.experiment.similarity,
            keep=False,
        )

    def _progress(self, planned: dict[Cell, AdaptJob], monitor: Monitor) -> GridProgress:
        costs = Costs(self._store, self._source)
        expected = {BASE: costs.of_base(self._pretrain_job)}
        expected |= {cell.key: costs.of(job) for cell, job in planned.items()}
        return GridProgress(monitor, expected, [key for key in expected if self.folder.run(key).exists()])

    def _base(self, progress: GridProgress) -> BaseRun | Failure:
        """Make the base, or return the one that was made before."""
        made = self.folder.read(self.folder.run(BASE), BaseRun)
        if made is not None:
            return made
        job = self._pretrain_job
        ended = self._do(BASE, job, progress)
        if isinstance(ended, Failed):
            return self._keep_failure(BASE, None, ended)
        made = BaseRun(job=job, report=ended)
        self.folder.write(self.folder.run(BASE), made)
        return made

    def _run(self, cell: Cell, job: AdaptJob, progress: GridProgress) -> Failure | None:
        """Do one run and keep what came of it."""
        ended = self._do(cell.key, job, progress)
        if isinstance(ended, Failed):
            return self._keep_failure(cell.key, cell, ended)
        self.folder.write(self.folder.run(cell.key), Run(cell=cell, job=job, report=ended))
        return None

    def _do(self, key: str, job: AdaptJob | PretrainJob, progress: GridProgress) -> Report | Failed:
        # What it failed of before is no news once it is tried again.
        self.folder.error(key).unlink(missing_ok=True)
        ended = self.runner(_record(key, job), progress.of(key))
        progress.finish(key)
        return ended

    def _keep_failure(self, key: str, cell: Cell | None, failed: Failed) -> Failure:
        failure = Failure(key=key, cell=cell, failed=failed, at=now())
        self.folder.write(self.folder.error(key), failure)
        return failure


def _record(key: str, job: AdaptJob | PretrainJob) -> JobRecord:
    return JobRecord(
        job_id=key.replace(".", "-")[:LONGEST_ID],
        kind=JobKind(job.kind),
        task=job.task,
        language=job.language if isinstance(job, AdaptJob) else job.source_language,
        request=job,
        created_at=now(),
    )
