import subprocess
import sys

import pytest

from app.cli import main
from tests.repository import ROOT

COMMANDS = [
    ["up"],
    ["serve"],
    ["worker"],
    ["demo"],
    ["pretrain"],
    ["adapt"],
    ["predict"],
    ["evaluate"],
    ["experiment"],
    ["jobs", "list"],
    ["jobs", "show"],
    ["jobs", "watch"],
    ["jobs", "cancel"],
    ["models", "list"],
    ["models", "show"],
    ["models", "history"],
    ["models", "deploy"],
    ["models", "rollback"],
    ["models", "export"],
    ["models", "import"],
    ["models", "delete"],
    ["keys", "new"],
    ["keys", "list"],
    ["keys", "revoke"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_teaches_with_an_example_and_speaks_json(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"Example: xmetra {' '.join(command)}" in told
    assert "--json" in told


def test_the_exit_codes_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "Exit codes: 0 done" in capsys.readouterr().out


def test_the_command_line_imports_neither_torch_nor_the_worker() -> None:
    script = "import sys, app.cli; print({'torch', 'transformers', 'fastapi', 'worker'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_is_in_the_reference(command: list[str]) -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert f"| `xmetra {' '.join(command)}" in page.read_text(encoding="utf-8")
