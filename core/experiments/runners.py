"""How a job is done: in this process, or in one of its own, so that its peak memory is its own.

What passes between the processes is JSON.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeAlias

from core.contracts.jobs import JobRecord, Progress
from core.contracts.reports import Report
from core.contracts.values import Contract
from core.errors import JobCancelled, XmetraError
from core.experiments.records import Failed
from core.progress import Monitor
from core.store import Store
from core.store.serialization import encoded
from core.system.compute import configure_computing
from core.system.processes import die_with_parent

Runner: TypeAlias = Callable[[JobRecord, Monitor], Report | Failed]
"""Does a job and returns its report, or why there is none."""


class Message(Contract):
    """What the process of a job says: how far it is or, at last, how it ended."""

    progress: Progress | None = None
    ended: Report | Failed | None = None


def run_here(store: Store, *, device: str) -> Runner:
    """Return what does jobs in this process.

    Args:
        store: Where data comes from and checkpoints go.
        device: ``auto``, ``cpu``, ``cuda``…
    """
    from core.pipeline import run  # noqa: PLC0415 - torch takes seconds, and must come after the threads

    def do(record: JobRecord, monitor: Monitor) -> Report | Failed:
        try:
            return run(record, store=store, device=device, monitor=monitor).report
        except JobCancelled:
            raise
        except XmetraError as error:
            return Failed(kind=type(error).__name__, reason=str(error))

    return do


def run_apart(store_url: str, *, device: str, threads: int) -> Runner:
    """Return what does each job in a new process.

    A process that ends without a word, because it was killed for its memory or has a fault of its own,
    is a failure of its job alone; what it had to say is on stderr.

    Args:
        store_url: Where data comes from and checkpoints go.
        device: ``auto``, ``cpu``, ``cuda``…
        threads: 0 for every core.
    """
    context = multiprocessing.get_context("spawn")

    def do(record: JobRecord, monitor: Monitor) -> Report | Failed:
        ours, theirs = context.Pipe(duplex=False)
        order = (theirs, os.getpid(), record.model_dump_json(), store_url, device, threads)
        process = context.Process(target=_obey, args=order)
        process.start()
        theirs.close()
        try:
            ended = _listen(ours, monitor)
        except BaseException:
            process.kill()
            raise
        finally:
            process.join()
            ours.close()
        return ended or _lost(process.exitcode)

    return do


def _listen(connection: Connection, monitor: Monitor) -> Report | Failed | None:
    """Pass progress on until the job has ended; None if its process did first."""
    while True:
        try:
            message = Message.model_validate_json(connection.recv_bytes())
        except (EOFError, OSError):
            # Between two messages, or in the middle of one.
            return None
        if message.ended is not None:
            return message.ended
        if message.progress is not None:
            monitor(message.progress)


def _lost(exit_code: int | None) -> Failed:
    killed = exit_code is not None and exit_code < 0
    how = f"was killed by signal {-exit_code}" if killed and exit_code else f"ended with code {exit_code}"
    return Failed(kind="ProcessLost", reason=f"the process of the job {how} before it had a report")


def _obey(
    connection: Connection, parent: int, record: str, store_url: str, device: str, threads: int
) -> None:
    """In the child: threads first, then torch."""
    # Ctrl-C reaches every process of a terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    configure_computing(threads)
    do = run_here(Store(store_url), device=device)

    def tell(progress: Progress) -> None:
        connection.send_bytes(encoded(Message(progress=progress)))

    ended = do(JobRecord.model_validate_json(record), tell)
    connection.send_bytes(encoded(Message(ended=ended)))
    connection.close()
