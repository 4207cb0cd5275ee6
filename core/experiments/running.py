"""Execution of an experiment: the base, then every run of the grid that is not finished."""

from dataclasses import dataclass
from functools import cached_property

from core.contracts.examples import DatasetManifest
from core.contracts.jobs import AdaptJob, JobKind, JobRecord, PretrainJob, Progress
from core.contracts.reports import Report
from core.contracts.task_options import TaskOptions
from core.contracts.values import Promotion, now
from core.experiments.corpora import Corpora
from core.experiments.costs import Costs
from core.experiments.folder import BASE_RUN, Folder
from core.experiments.grid import SOURCE, Cell, Experiment
from core.experiments.grid_progress import GridProgress
from core.experiments.manifest import write_manifest
from core.experiments.records import BaseRun, ExperimentManifest, Failure, JobError, Run
from core.experiments.runners import Runner
from core.experiments.sampling import Sampler
from core.progress import Monitor
from core.store import Store
from core.tasks.registry import task_spec

MAX_JOB_ID_LENGTH = 64

READING = "reading the data"

UNKNOWN_BASE = "to-be-made"
"""Placeholder for the base in jobs that are planned before it is trained."""


def run_experiment(
    experiment: Experiment, corpora: Corpora, folder: Folder, *, runner: Runner, monitor: Monitor
) -> list[Failure]:
    """Run those parts of an experiment that its folder does not have yet.

    Each report is written as soon as its run is finished, so that an interrupted experiment resumes with the
    run it was interrupted in.

    Args:
        experiment: The experiment.
        corpora: Its data.
        folder: Folder of its results.
        runner: Runs a job.
        monitor: Receives the progress of the grid; an exception that it raises stops the experiment.

    Returns:
        The failed runs. If the base failed, it is the only one.

    Raises:
        Conflict: The folder has an experiment with other settings or other data.
        InvalidInput: A file cannot be read.
    """
    monitor(Progress(stage=READING))
    manifest = write_manifest(experiment, corpora, folder)
    return _GridRun(experiment, manifest, corpora, folder, runner).run(monitor)


@dataclass(frozen=True)
class _GridRun:
    """A running experiment."""

    experiment: Experiment
    manifest: ExperimentManifest
    corpora: Corpora
    folder: Folder
    runner: Runner

    def run(self, monitor: Monitor) -> list[Failure]:
        """Run the base and the unfinished runs."""
        jobs = {cell: self._adapt_job(cell) for cell in self.experiment.cells()}
        progress = self._progress(jobs, monitor)
        base = self._base(progress)
        if isinstance(base, Failure):
            return [base]
        failures = []
        for cell, job in jobs.items():
            if self.folder.run(cell.key).exists():
                continue
            job_on_base = job.model_copy(update={"base_id": base.report.result.checkpoint_id})
            failure = self._run(cell, job_on_base, progress)
            failures += [failure] if failure else []
        return failures

    @cached_property
    def _store(self) -> Store:
        return Store(self.folder.store)

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self.corpora, self._store, self.folder)

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
            settings=self.manifest.base_settings,
            promote=Promotion.NEVER,
        )

    def _put(self, file: str) -> DatasetManifest:
        """Store a file of the source language."""
        examples = self.corpora.examples(file)
        return self._store.datasets.put(examples, task=self.experiment.task, language=SOURCE)

    def _adapt_job(self, cell: Cell) -> AdaptJob:
        """Return the job of a cell, except its base."""
        draw = self._sampler.draw(cell)
        return AdaptJob(
            task=self.experiment.task,
            language=cell.language,
            dataset_id=draw.few_shot.dataset_id,
            evaluation_dataset_id=draw.evaluation.dataset_id,
            base_id=UNKNOWN_BASE,
            method=cell.method,
            hyperparameters=self.experiment.hyperparameters_of(cell),
            promote=Promotion.NEVER,
            options=self._options(),
            keep=False,
        )

    def _options(self) -> TaskOptions:
        """Return the options of every adaptation: those of the experiment that the task has."""
        model = task_spec(self.experiment.task).options
        values = {"similarity": self.experiment.similarity}
        return model.model_validate(
            {name: value for name, value in values.items() if name in model.model_fields}
        )

    def _progress(self, jobs: dict[Cell, AdaptJob], monitor: Monitor) -> GridProgress:
        costs = Costs(self._store, self._source)
        expected = {BASE_RUN: costs.base_cost(self._pretrain_job)}
        expected |= {cell.key: costs.adapt_cost(job) for cell, job in jobs.items()}
        return GridProgress(monitor, expected, [key for key in expected if self.folder.run(key).exists()])

    def _base(self, progress: GridProgress) -> BaseRun | Failure:
        """Train the base, unless an earlier start has."""
        earlier = self.folder.read(self.folder.run(BASE_RUN), BaseRun)
        if earlier is not None:
            return earlier
        job = self._pretrain_job
        outcome = self._run_job(BASE_RUN, job, progress)
        if isinstance(outcome, JobError):
            return self._write_failure(BASE_RUN, None, outcome)
        base = BaseRun(job=job, report=outcome)
        self.folder.write(self.folder.run(BASE_RUN), base)
        return base

    def _run(self, cell: Cell, job: AdaptJob, progress: GridProgress) -> Failure | None:
        """Execute a run, and write its report or its failure."""
        outcome = self._run_job(cell.key, job, progress)
        if isinstance(outcome, JobError):
            return self._write_failure(cell.key, cell, outcome)
        self.folder.write(self.folder.run(cell.key), Run(cell=cell, job=job, report=outcome))
        return None

    def _run_job(self, key: str, job: AdaptJob | PretrainJob, progress: GridProgress) -> Report | JobError:
        # A failure of an earlier start is obsolete when the run is retried.
        self.folder.error(key).unlink(missing_ok=True)
        outcome = self.runner(_record(key, job), progress.monitor_for(key))
        progress.finish(key)
        return outcome

    def _write_failure(self, key: str, cell: Cell | None, error: JobError) -> Failure:
        failure = Failure(key=key, cell=cell, error=error, at=now())
        self.folder.write(self.folder.error(key), failure)
        return failure


def _record(key: str, job: AdaptJob | PretrainJob) -> JobRecord:
    return JobRecord(
        job_id=key.replace(".", "-")[:MAX_JOB_ID_LENGTH],
        kind=JobKind(job.kind),
        task=job.task,
        language=job.language if isinstance(job, AdaptJob) else job.source_language,
        request=job,
        created_at=now(),
    )
