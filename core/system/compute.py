"""Configuration of the compute threads and of the memory allocator, before torch is imported.

Two OpenMP threads that spin while waiting made a forward pass 10 to 50 times slower on a busy machine, so
waiting is passive, except for the few microseconds in which the next work usually arrives: without spinning
at all, training used only 1.4 of 2 idle cores. The number of threads is always set explicitly.

A training step frees and allocates the same few hundred megabytes again. glibc returns large blocks to the
system immediately, which then has to map and clear every page again: on a virtual machine that took a sixth
to a third of the time of a step (benchmarks/RESULTS.md). Therefore freed memory is retained for the next
step.
"""

import ctypes
import os
import resource
import sys
from typing import Final

SPIN_COUNT: Final = 10_000
"""Iterations of busy waiting before a thread sleeps: about ten microseconds."""

MALLOC_OPTIONS: Final = {
    "M_TRIM_THRESHOLD": (-1, 2**31 - 1),
    "M_TOP_PAD": (-2, 2**26),
    "M_MMAP_THRESHOLD": (-3, 2**30),
}
"""Name of the glibc parameter (malloc.h) → its number and its value in bytes."""


def configure_computing(count: int = 0) -> int:
    """Set the number of compute threads of this process and its children, and retain freed memory.

    Args:
        count: Number of threads; 0 for all cores that this process may use.

    Returns:
        The number of threads.

    Raises:
        ValueError: The count is negative.
        RuntimeError: torch has been imported already.
    """
    if count < 0:
        raise ValueError(f"{count} threads cannot compute; 0 takes every core")
    if "torch" in sys.modules:
        raise RuntimeError("configure_computing must run before torch is imported")
    threads = count or len(os.sched_getaffinity(0))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ["MKL_NUM_THREADS"] = str(threads)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _retain_freed_memory()
    return threads


def _retain_freed_memory() -> None:
    """Configure glibc to allocate large blocks on its heap and not to shrink it; does nothing elsewhere."""
    set_parameter = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_parameter is not None:
        for number, size in MALLOC_OPTIONS.values():
            set_parameter(number, size)


def peak_memory_bytes() -> int:
    """Return the peak memory (resident set size) of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
