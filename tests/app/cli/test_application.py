"""The whole command line: the help of every command, and what it imports."""

import subprocess
import sys
from typing import Final

import pytest

from app.cli import main
from tests.app.cli.command_tree import commands
from tests.repository import ROOT

COMMANDS: Final = list(commands())

WITHOUT_JSON: Final = frozenset({"encoder build", "first-base"})
"""Commands that report progress only."""


@pytest.mark.parametrize("command", COMMANDS)
def test_command_help_has_an_example_and_json_output(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main([*command.split(), "--help"])
    page = capsys.readouterr().out
    assert exit_info.value.code == 0
    assert f"Example: xmetra {command}" in page
    assert ("--json" in page) == (command not in WITHOUT_JSON)


def test_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "Exit codes: 0 success" in capsys.readouterr().out


def test_command_line_imports_no_torch_fastapi_or_worker() -> None:
    # Not only the help page: no command needs them to start, either.
    script = (
        "import sys; from tests.app.cli.command_tree import commands; commands(); "
        "print({'fastapi', 'torch', 'transformers', 'worker'} & set(sys.modules))"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert process.stdout.strip() == "set()"


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_in_the_reference(command: str) -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert f"| `xmetra {command}" in page.read_text(encoding="utf-8")
