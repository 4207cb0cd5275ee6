"""Child processes that end with their parent, even if it is killed.

    python processes.py PARENT COMMAND [ARGUMENT…]

replaces itself by the command, to bind other programs to their parent too. The script is run by its path and
without site packages, so it imports only the standard library.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""Option of Linux's prctl: the signal sent to a process when the thread that started it ends."""


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when the thread that started it ends.

    A parent that receives SIGKILL cannot clean up, so only the kernel can. Does nothing on systems other than
    Linux, which lack this feature.

    Args:
        parent: Process id of the parent. If it has ended already, this process is killed immediately.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # the parent ended before prctl was called


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  the command is the caller's
