"""Headers of jobs, by which lists of jobs are filtered and sorted."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import Identifier, LanguageTag, TaskName


class JobHeader(BaseModel):
    """The fields of a `JobRecord` that are cached in memory for all jobs.

    A record with its report takes a millisecond to read and 100 kB of memory, and of thousands of jobs only
    one page is read completely.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: Identifier
    kind: JobKind
    task: TaskName
    language: LanguageTag
    status: JobStatus
    created_at: datetime
