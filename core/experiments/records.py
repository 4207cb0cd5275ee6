"""Stored documents of an experiment: its manifest, its runs and their failures."""

from datetime import datetime

from pydantic import ConfigDict, Field

from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import Report
from core.contracts.values import Contract
from core.experiments.grid import Cell, Experiment


class ExperimentManifest(Contract):
    """Manifest of an experiment that was started.

    Attributes:
        experiment: The experiment, with the runs of all starts.
        hyperparameters: Hyperparameters of every adaptation, except those that the grid varies.
        base_settings: Training settings of the base.
        data: File name → SHA-256.
    """

    experiment: Experiment
    hyperparameters: Hyperparameters
    base_settings: PretrainSettings
    data: dict[str, str]


class BaseRun(Contract):
    """The finished run that trained the base.

    Attributes:
        job: The job, with all settings and dataset ids.
        report: Report of the job.
    """

    job: PretrainJob
    report: Report


class Run(Contract):
    """A finished run of the grid.

    Attributes:
        cell: Cell of the grid.
        job: The job, with all hyperparameters and dataset ids.
        report: Report of the job.
    """

    cell: Cell
    job: AdaptJob
    report: Report


class JobError(Contract):
    """Error that a job ended with.

    Attributes:
        kind: Name of the error class.
        reason: Error message.
    """

    kind: str
    reason: str


class Failure(Contract):
    """A failed run; it is retried when the experiment is started again.

    Attributes:
        key: Key of the run.
        cell: Cell of the grid; None for the base.
        error: Error that the job ended with.
        at: Time of the failure.
    """

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    key: str
    cell: Cell | None
    error: JobError = Field(alias="failed")
    at: datetime
