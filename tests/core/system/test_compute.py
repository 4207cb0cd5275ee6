"""How a process computes. It decides once, so each test asks a fresh one."""

import os
import platform
import subprocess
import sys

import pytest

from core.system.compute import configure_computing, peak_memory_bytes

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "TOKENIZERS_PARALLELISM")


def in_fresh_process(code: str) -> str:
    """Run code in a new interpreter, without what this one's environment says about threads."""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_torch_computes_with_the_threads_asked_for() -> None:
    code = (
        "from core.system.compute import configure_computing; configure_computing(1); "
        "import torch; print(torch.get_num_threads())"
    )

    assert in_fresh_process(code) == "1"


def test_threads_hardly_spin_while_they_wait_and_children_inherit_it() -> None:
    code = (
        "import os; from core.system.compute import configure_computing; configure_computing(3); "
        f"print(*(os.environ[name] for name in {NAMES}))"
    )

    assert in_fresh_process(code) == "3 3 PASSIVE 10000 false"


def test_nought_takes_every_core_this_process_may_run_on() -> None:
    code = "from core.system.compute import configure_computing; print(configure_computing())"

    assert in_fresh_process(code) == str(len(os.sched_getaffinity(0)))


def test_fewer_threads_than_none_are_refused() -> None:
    with pytest.raises(ValueError, match="-1 threads"):
        configure_computing(-1)


FAULTS = """
import resource
from core.system.compute import configure_computing
{configure}
import torch
def step():
    torch.zeros(2**24)  # 64 MB, freed at once
for _ in range(20):  # until the heap has found its size
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_a_step_frees_is_there_for_the_next_one() -> None:
    """By the pages that the system had to bring: five steps take 80,000 of 4 KB."""
    kept = int(in_fresh_process(FAULTS.format(configure="configure_computing(1)")))
    assert kept < 100


def test_core_runtime_does_not_import_torch_itself() -> None:
    assert in_fresh_process("import sys, core.system.compute; print('torch' in sys.modules)") == "False"


def test_it_is_told_when_torch_is_imported_already() -> None:
    import torch  # noqa: F401

    with pytest.raises(RuntimeError, match="before torch is imported"):
        configure_computing(1)


def test_the_peak_of_memory_does_not_forget() -> None:
    held = bytearray(os.urandom(1)) * (64 * 2**20)
    peak = peak_memory_bytes()
    del held

    assert peak >= 64 * 2**20
    assert peak_memory_bytes() >= peak
