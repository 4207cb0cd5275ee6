"""Configuration of threads and memory; each test uses a new process, because it is set once per process."""

import os
import platform
import subprocess
import sys

import pytest

from core.system.compute import configure_computing, peak_memory_bytes

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "TOKENIZERS_PARALLELISM")


def in_fresh_process(code: str) -> str:
    """Run code in a new interpreter, without the thread settings in the environment of this one."""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.strip()


def test_torch_uses_the_configured_threads() -> None:
    code = (
        "from core.system.compute import configure_computing; configure_computing(1); "
        "import torch; print(torch.get_num_threads())"
    )

    assert in_fresh_process(code) == "1"


def test_wait_policy_is_passive_and_inherited() -> None:
    code = (
        "import os; from core.system.compute import configure_computing; configure_computing(3); "
        f"print(*(os.environ[name] for name in {NAMES}))"
    )

    assert in_fresh_process(code) == "3 3 PASSIVE 10000 false"


def test_zero_threads_uses_all_available_cores() -> None:
    code = "from core.system.compute import configure_computing; print(configure_computing())"

    assert in_fresh_process(code) == str(len(os.sched_getaffinity(0)))


def test_negative_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="-1 threads"):
        configure_computing(-1)


COUNT_PAGE_FAULTS = """
import resource
from core.system.compute import configure_computing
{configure}
import torch
def step():
    torch.zeros(2**24)  # 64 MB, freed immediately
for _ in range(20):  # until the heap has reached its size
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be configured")
def test_freed_memory_is_retained() -> None:
    """Measured in page faults: without retention, five steps cause 80,000 of 4 KB."""
    page_faults = int(in_fresh_process(COUNT_PAGE_FAULTS.format(configure="configure_computing(1)")))
    assert page_faults < 100


def test_compute_does_not_import_torch() -> None:
    assert in_fresh_process("import sys, core.system.compute; print('torch' in sys.modules)") == "False"


def test_configure_computing_raises_when_torch_is_imported() -> None:
    import torch  # noqa: F401

    with pytest.raises(RuntimeError, match="before torch is imported"):
        configure_computing(1)


def test_peak_memory_does_not_decrease() -> None:
    block = bytearray(os.urandom(1)) * (64 * 2**20)
    peak = peak_memory_bytes()
    del block

    assert peak >= 64 * 2**20
    assert peak_memory_bytes() >= peak
