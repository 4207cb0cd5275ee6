"""The commands that are listed without importing them, compared with the commands themselves."""

import inspect
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

import pytest
import typer

import app.cli.commands as commands_package
from app.cli import main
from app.cli.command_table import COMMANDS
from app.cli.lazy_group import CommandEntry
from tests.app.cli.command_tree import commands

HEAVY_MODULES: Final = (
    *("core.experiments", "fastapi", "httpx", "langcodes", "language_data", "matplotlib", "numpy", "redis"),
    *("pydantic", "rq", "starlette", "structlog", "torch", "transformers", "uvicorn", "xmetra_client"),
)
"""Modules that the help page does without: together they take more than a second of CPU time."""

IMPORTS_OF_HELP: Final = f"""
import contextlib, io, sys
from app.cli import main
output = io.StringIO()
with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
    main(sys.argv[1:])
assert "Usage: xmetra" in output.getvalue()
print(*(name for name in {HEAVY_MODULES!r} if name in sys.modules))
"""


def target(entry: CommandEntry) -> Any:
    module, _, attribute = entry.target.partition(":")
    return getattr(import_module(module), attribute)


def first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_command_table_summary_is_the_first_line_of_the_help(entry: CommandEntry) -> None:
    command = target(entry)
    text = command.info.help if isinstance(command, typer.Typer) else command.__doc__
    assert entry.summary == first_line(text)


def command_functions() -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the place and the function of everything in the package that is documented as a command."""
    for module_info in pkgutil.iter_modules(commands_package.__path__):
        module = import_module(f"{commands_package.__name__}.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and "Example: " in (function.__doc__ or ""):
                yield f"{module.__name__}:{name}", function


def test_command_table_is_complete() -> None:
    targets = {entry.target: target(entry) for entry in COMMANDS}
    subcommands = {
        registered.callback
        for command in targets.values()
        if isinstance(command, typer.Typer)
        for registered in command.registered_commands
    }
    functions = dict(command_functions())
    assert len(functions) > len(COMMANDS)
    assert [
        place for place, function in functions.items() if place not in targets and function not in subcommands
    ] == []


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []], ids=" ".join)
def test_help_page_imports_no_heavy_module(arguments: list[str]) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", IMPORTS_OF_HELP, *arguments], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == ""


def test_help_page_lists_every_command_with_its_summary(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["--help"])
    page = capsys.readouterr().out
    for entry in COMMANDS:
        assert entry.summary in page
        assert entry.panel in page


@pytest.mark.parametrize("path", commands())
def test_command_prints_its_own_help(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        main([*path.split(), "--help"])
    assert ended.value.code == 0
    assert f"Usage: xmetra {path} " in capsys.readouterr().out


def complete(words: str) -> set[str]:
    """Return what bash offers for the last word of a command line."""
    environment = os.environ | {
        "_XMETRA_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    script = "from app.cli import main; main()"
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    return set(finished.stdout.split())


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("xmetra mod", {"models"}),
        ("xmetra models ro", {"rollback"}),
        ("xmetra adapt --promo", {"--promote"}),
        ("xmetra adapt --promote if", {"if_better"}),
    ],
)
def test_shell_completion_offers_commands_options_and_values(words: str, completions: set[str]) -> None:
    assert complete(words) == completions


def test_unknown_command_suggests_a_similar_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["predct"])
    assert ended.value.code == 2
    assert "predict" in capsys.readouterr().err
