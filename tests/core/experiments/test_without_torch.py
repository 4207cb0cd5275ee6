"""Planning and aggregation of experiments must not import torch, which takes seconds."""

import subprocess
import sys

from tests.repository import ROOT

SCRIPT = """
import sys
import core.experiments.outputs, core.experiments.runners, core.experiments.running
print({"torch", "transformers"} & set(sys.modules))
"""


def test_planning_and_aggregation_do_not_import_torch() -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert process.stdout.strip() == "set()"
