"""The entry: a job's record in, a checkpoint and a report out."""

from core.contracts.jobs import AdaptJob, JobRecord
from core.pipeline.adapt import adapt
from core.pipeline.job_context import JobContext, Outcome, deploy_if_promoted
from core.pipeline.pretrain import pretrain
from core.progress import Monitor
from core.store import Store
from core.system.devices import resolve_device

__all__ = ["Outcome", "run"]


def run(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> Outcome:
    """Do a job, or what an earlier attempt at it left to do.

    Args:
        record: Whose request says what to do.
        store: Where data comes from and checkpoints go.
        device: ``auto``, ``cpu``, ``cuda``…
        monitor: Told of every step; raises `JobCancelled` to stop the work.

    Returns:
        The checkpoint made and the report.

    Raises:
        XmetraError: Every way in which this goes wrong on purpose.
    """
    context = JobContext(store=store, device=resolve_device(device), monitor=monitor, job_id=record.job_id)
    report = store.jobs.load_outcome(record.job_id)
    if report is not None:  # by an attempt that was killed before it could tell
        return deploy_if_promoted(report, record.request, context)
    if isinstance(record.request, AdaptJob):
        return adapt(record.request, context)
    return pretrain(record.request, context)
