import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = ("torch", "transformers", "numpy", "sklearn")


@pytest.mark.parametrize("module", ["worker.main", "worker.tasks", "core.queue", "core.embedded_redis"])
def test_what_the_parent_process_imports_is_light(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_the_worker_does_not_know_the_api() -> None:
    program = "import sys, worker.main; print([name for name in sys.modules if name.split('.')[0] == 'app'])"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
