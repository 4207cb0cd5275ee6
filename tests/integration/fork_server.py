"""API and worker processes that start at once, as forks of a process that has imported everything.

    python -m tests.integration.fork_server SOCKET

reads lines with ``api`` or ``worker`` from its standard input. For each it writes the process id of a fork
that runs what `xmetra serve` or `python -m worker.main` runs. It exits, with all forks, at the end of its
input.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable

import app.main
import worker.main
from app.cli import main as command_line
from core.system.compute import configure_computing
from core.system.processes import die_with_parent
from worker.settings import WorkerSettings
from worker.tasks import import_torch


def serve(listener: int) -> None:
    command_line(["serve", "--socket", str(listener)])


def start_fork(run: Callable[[], None]) -> int:
    """Run a function in a fork, and return the fork's process id."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        die_with_parent(parent)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a worker waits for its forks
        os.dup2(os.open(os.devnull, os.O_RDWR), sys.stdin.fileno())
        run()
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    listener = int(sys.argv[1])
    threads = configure_computing(1)
    import_torch()
    # Threads can be configured only before torch is imported; the forks inherit the configuration.
    for part in (app.main, worker.main):
        vars(part)["configure_computing"] = lambda _: threads
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # forks are reaped by the kernel
    write_line("ready")
    for line in sys.stdin:
        parts: dict[str, Callable[[], None]] = {
            "api": lambda: serve(listener),
            "worker": lambda: worker.main.main(WorkerSettings()),
        }
        write_line(str(start_fork(parts[line.strip()])))


if __name__ == "__main__":
    main()
