"""Runners of jobs: in this process, or in a subprocess per job, which measures the peak memory of each job.

Messages between processes are JSON.
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
from core.experiments.records import JobError
from core.progress import Monitor
from core.store import Store
from core.store.serialization import encode_document
from core.system.compute import configure_computing
from core.system.processes import die_with_parent

Runner: TypeAlias = Callable[[JobRecord, Monitor], Report | JobError]
"""Runs a job, and returns its report or its error."""


class Message(Contract):
    """Message from the process of a job.

    Attributes:
        progress: Progress of the job; None in the last message.
        outcome: Report or error, in the last message; None before.
    """

    progress: Progress | None = None
    outcome: Report | JobError | None = None


def in_process_runner(store: Store, *, device: str) -> Runner:
    """Return a runner that runs jobs in this process.

    Args:
        store: Store of datasets and checkpoints.
        device: ``auto``, ``cpu``, ``cuda``…
    """
    from core.pipeline import run  # noqa: PLC0415 - torch takes seconds, and must follow the threads

    def run_job(record: JobRecord, monitor: Monitor) -> Report | JobError:
        try:
            return run(record, store=store, device=device, monitor=monitor).report
        except JobCancelled:
            raise
        except XmetraError as error:
            return JobError(kind=type(error).__name__, reason=str(error))

    return run_job


def subprocess_runner(store_url: str, *, device: str, threads: int) -> Runner:
    """Return a runner that runs each job in a new process.

    If a process ends without an outcome, because it was killed for its memory or crashed, only its job fails;
    its output is on stderr.

    Args:
        store_url: URL of the store of datasets and checkpoints.
        device: ``auto``, ``cpu``, ``cuda``…
        threads: Number of compute threads; 0 for all cores.
    """
    context = multiprocessing.get_context("spawn")

    def run_job(record: JobRecord, monitor: Monitor) -> Report | JobError:
        receiver, sender = context.Pipe(duplex=False)
        arguments = (sender, os.getpid(), record.model_dump_json(), store_url, device, threads)
        process = context.Process(target=_child_main, args=arguments)
        process.start()
        sender.close()
        try:
            outcome = _receive_outcome(receiver, monitor)
        except BaseException:
            process.kill()
            raise
        finally:
            process.join()
            receiver.close()
        return outcome or _process_lost(process.exitcode)

    return run_job


def _receive_outcome(connection: Connection, monitor: Monitor) -> Report | JobError | None:
    """Forward progress until the outcome arrives; return None if the process ends before."""
    while True:
        try:
            message = Message.model_validate_json(connection.recv_bytes())
        except (EOFError, OSError):
            # Between two messages or within a message.
            return None
        if message.outcome is not None:
            return message.outcome
        if message.progress is not None:
            monitor(message.progress)


def _process_lost(exit_code: int | None) -> JobError:
    """Return the error of a job whose process ended without an outcome."""
    is_killed = exit_code is not None and exit_code < 0
    how = f"was killed by signal {-exit_code}" if is_killed and exit_code else f"ended with code {exit_code}"
    return JobError(kind="ProcessLost", reason=f"the process of the job {how} before it had a report")


def _child_main(
    connection: Connection, parent: int, record: str, store_url: str, device: str, threads: int
) -> None:
    """Run a job in the child process, where the threads must be set before torch is imported."""
    # Ctrl-C is sent to every process of a terminal; the parent ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    die_with_parent(parent)
    configure_computing(threads)
    run_job = in_process_runner(Store(store_url), device=device)

    def send(progress: Progress) -> None:
        connection.send_bytes(encode_document(Message(progress=progress)))

    outcome = run_job(JobRecord.model_validate_json(record), send)
    connection.send_bytes(encode_document(Message(outcome=outcome)))
    connection.close()
