"""Entry point of the pipeline: runs the job of a record."""

from core.contracts.jobs import AdaptJob, JobRecord
from core.pipeline.adapt import adapt
from core.pipeline.job_context import JobContext, Outcome, deploy_if_promoted
from core.pipeline.pretrain import pretrain
from core.progress import Monitor
from core.store import Store
from core.system.devices import resolve_device

__all__ = ["Outcome", "run"]


def run(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> Outcome:
    """Run a job, or finish an earlier attempt at it.

    Args:
        record: The record of the job.
        store: Source of the data and target of the checkpoint.
        device: ``auto``, ``cpu``, ``cuda``…
        monitor: Receives the progress of every step; raises `JobCancelled` to stop the job.

    Returns:
        The id of the checkpoint and the report.

    Raises:
        XmetraError: The data, the base or the encoder cannot be used, or the store is unavailable.
    """
    context = JobContext(store=store, device=resolve_device(device), monitor=monitor, job_id=record.job_id)
    report = store.jobs.load_outcome(record.job_id)
    if report is not None:  # of an attempt that was killed after its decision was stored
        return deploy_if_promoted(report, record.request, context)
    if isinstance(record.request, AdaptJob):
        return adapt(record.request, context)
    return pretrain(record.request, context)
