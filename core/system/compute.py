"""How a process computes, decided in one place and before torch is imported: its threads, its memory.

Two OpenMP threads that spin while they wait made a forward pass 10 to 50 times slower on a busy
machine, so waiting is passive, but for the few microseconds in which the next piece of work mostly comes:
without these, training used 1.4 of 2 idle cores. The number of threads is never left to chance.

A training step frees and takes again the same few hundred megabytes. glibc gives large pieces back to the
system at once, which then has to find, and clear, every page anew: on a virtual machine that was a sixth to
a third of the time of a step (benchmarks/RESULTS.md). So what is freed is kept for the next step.
"""

import ctypes
import os
import resource
import sys
from typing import Final

SPINS: Final = 10_000
"""Rounds of waiting before a thread sleeps: some ten microseconds."""

KEPT: Final = {"M_TRIM_THRESHOLD": (-1, 2**31 - 1), "M_TOP_PAD": (-2, 2**26), "M_MMAP_THRESHOLD": (-3, 2**30)}
"""glibc's parameter (malloc.h) → its number and what it is set to, in bytes."""


def configure_computing(count: int = 0) -> int:
    """Fix the number of compute threads of this process and its children, and keep what it frees.

    Args:
        count: Threads; 0 takes every core this process may run on.

    Returns:
        The number of threads.

    Raises:
        ValueError: The count is negative.
        RuntimeError: torch is imported already, so that it is too late.
    """
    if count < 0:
        raise ValueError(f"{count} threads cannot compute; 0 takes every core")
    if "torch" in sys.modules:
        raise RuntimeError("configure_computing must run before torch is imported")
    threads = count or len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _keep_freed_memory()
    return threads


def _keep_freed_memory() -> None:
    """Tell glibc to take large pieces from its heap, and not to shrink that; other systems need nothing."""
    set_parameter = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_parameter is not None:
        for number, size in KEPT.values():
            set_parameter(number, size)


def peak_memory_bytes() -> int:
    """Return the most memory this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
