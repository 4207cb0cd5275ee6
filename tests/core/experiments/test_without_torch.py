"""All of an experiment but the runs themselves needs no torch, so that a plan is told at once."""

import subprocess
import sys

from tests.repository import ROOT

SCRIPT = """
import sys
import core.experiments.outputs, core.experiments.runners, core.experiments.running
print({"torch", "transformers"} & set(sys.modules))
"""


def test_planning_and_summing_up_import_no_torch() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert answer.stdout.strip() == "set()"
