import subprocess
import sys

import pytest

from tests.repository import ROOT

HEAVY = ("torch", "transformers", "numpy", "sklearn")


@pytest.mark.parametrize(
    "module", ["worker.main", "worker.tasks", "core.jobqueue.queue", "core.jobqueue.embedded_redis"]
)
def test_module_imports_no_heavy_library(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    completed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "[]"


def test_worker_does_not_import_the_api() -> None:
    program = "import sys, worker.main; print([name for name in sys.modules if name.split('.')[0] == 'app'])"
    completed = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "[]"


FORK = """
import os, sys
from core.system.compute import configure_computing
configure_computing(2)
from worker.tasks import import_torch
import_torch()
assert "torch" in sys.modules
child = os.fork()
if child == 0:
    import torch
    assert not torch.cuda.is_initialized()
    weight = torch.ones(512, 512, requires_grad=True)
    (weight @ weight).sum().backward()
    os._exit(0 if weight.grad is not None else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_fork_of_a_prepared_parent_can_train() -> None:
    completed = subprocess.run(
        [sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert completed.stdout.strip() == "0"
