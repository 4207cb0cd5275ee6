"""Api and worker as processes that start at once: forks of one that has imported everything.

    python -m tests.integration.nursery SOCKET

reads ``api`` or ``worker`` from its standard input, a line each, and answers with the process id of a
fork that runs what `xmetra serve` or `python -m worker.main` runs. It ends, with all of them, when its
input does.
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


def born(run: Callable[[], None]) -> int:
    """Fork, run something in the fork, and return its process id."""
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        die_with_parent(parent)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a worker waits for its own forks
        os.dup2(os.open(os.devnull, os.O_RDWR), sys.stdin.fileno())
        run()
        status = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    listener = int(sys.argv[1])
    threads = configure_computing(1)
    import_torch()
    # It can be done only before torch is imported, and has been done for all of them.
    for part in (app.main, worker.main):
        vars(part)["configure_computing"] = lambda _: threads
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are nobody's concern here
    tell("ready")
    for line in sys.stdin:
        parts: dict[str, Callable[[], None]] = {
            "api": lambda: serve(listener),
            "worker": lambda: worker.main.main(WorkerSettings()),
        }
        tell(str(born(parts[line.strip()])))


if __name__ == "__main__":
    main()
