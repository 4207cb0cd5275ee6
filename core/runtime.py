"""How many threads compute, decided in one place and before torch is imported.

Two OpenMP threads that spin while they wait made a forward pass 10 to 50 times slower on a busy
machine, so waiting is passive, but for the few microseconds in which the next piece of work mostly comes:
without these, training used 1.4 of 2 idle cores. The number of threads is never left to chance.
"""

import os
import resource
import sys
from typing import Final

SPINS: Final = 10_000
"""Rounds of waiting before a thread sleeps: some ten microseconds."""


def configure_threads(count: int = 0) -> int:
    """Fix the number of compute threads of this process and its children.

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
        raise RuntimeError("configure_threads must run before torch is imported")
    threads = count or len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    return threads


def peak_memory_bytes() -> int:
    """Return the most memory this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
