"""What a list of jobs is chosen by."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from core.contracts.jobs import JobKind, JobStatus
from core.contracts.values import Identifier, LanguageTag, TaskName


class JobHeader(BaseModel):
    """The few fields of a `JobRecord` that are kept in memory for every job there is.

    A record with its report takes a millisecond to read and 100 kB of memory; of thousands, all
    but a page are only looked at to be passed over.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: Identifier
    kind: JobKind
    task: TaskName
    language: LanguageTag
    status: JobStatus
    created_at: datetime
