"""Processes that do not outlive whoever started them, even when that is killed outright.

    python processes.py PARENT COMMAND [ARGUMENT…]

turns itself into the command, so that a foreign program can be bound to its parent as well. It is run
by its path and without site packages, and so imports nothing but the standard library.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""Linux: the signal a process gets when the thread that started it ends."""


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when the thread that started it ends.

    A parent that gets SIGKILL has no time to clean up, so only the kernel can do it. Systems other
    than Linux have no such service, and there this does nothing.

    Args:
        parent: The process id of the parent. If it is gone already, this process is killed at once.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # it ended before the kernel was told


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  the command is the caller's own
