"""The entry: a job's record in, a checkpoint and a report out."""

from core.contracts.jobs import AdaptJob, JobRecord
from core.devices import resolve_device
from core.pipeline.adapt import adapt
from core.pipeline.outcome import Outcome, Workbench, conclude
from core.pipeline.pretrain import pretrain
from core.progress import Monitor
from core.store import Store

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
    bench = Workbench(store=store, device=resolve_device(device), monitor=monitor, job_id=record.job_id)
    concluded = store.jobs.conclusion(record.job_id)
    if concluded is not None:  # by an attempt that was killed before it could tell
        return conclude(concluded, record.request, bench)
    if isinstance(record.request, AdaptJob):
        return adapt(record.request, bench)
    return pretrain(record.request, bench)
