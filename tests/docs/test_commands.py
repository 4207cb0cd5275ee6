"""Every documented command is run against a running stack, or parsed for a reason that is listed."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import uvicorn

from app.cli import main
from tests.docs.command_line import leaf_commands, parse, parse_fragment, words_of
from tests.docs.markdown import Command, commands, inline_commands
from tests.docs.stack import DocsStack, running_stack
from tests.repository import ROOT, SAMPLES

PAGES: Final = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
"""Pages whose commands are run."""

PARSED_PAGES: Final = [
    *PAGES,
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks" / "RESULTS.md",
    ROOT / "client" / "README.md",
    ROOT / "samples" / "README.md",
]
"""Pages whose commands are parsed."""

SHELL: Final = "sh"

LISTENS: Final = "would listen until it is stopped; everything before that is run"
STAYS_IN_THE_FOREGROUND: Final = "stays in the foreground until it is stopped"
TRAINS: Final = "trains for minutes to hours"
NOT_RUN: Final[Mapping[str, str]] = {
    "up": STAYS_IN_THE_FOREGROUND,
    "serve": LISTENS,
    "worker": STAYS_IN_THE_FOREGROUND,
    "experiment": TRAINS,
    "encoder build": TRAINS,
}
"""Commands that are not run to their end, unless they have ``--dry-run``, with the reason."""

NOT_RUN_COUNTS: Final = {LISTENS: 2, STAYS_IN_THE_FOREGROUND: 2, TRAINS: 3}
"""How many command lines of all pages these are."""

OTHER_PROGRAMS: Final = frozenset({".", "cp", "docker", "make", "pip", "python", "rq"})
"""Programs whose lines are not run: containers, installations, and tools that are not part of xmetra."""

BASH_PROGRAMS: Final = frozenset({"cat", "curl", "printf"})

CURL: Final = 'curl() { command curl --fail-with-body --silent --show-error --max-time 30 "$@"; }\n'
"""Makes curl exit with 22 when the status is 400 or above."""


def as_tsv(file: str) -> str:
    """Return utterances of a JSONL file as an MTOD TSV table."""
    rows = map(json.loads, (SAMPLES / file).read_text(encoding="utf-8").splitlines())
    return "".join(
        f"{row['intent']}\t{','.join('{start}:{end}:{slot}'.format(**slot) for slot in row['slots'])}"
        f"\t{row['text']}\tes_XX\n"
        for row in rows
    )


USER_FILES: Final[Mapping[str, Callable[[], str]]] = {
    "mine.tsv": lambda: as_tsv("mtod/es.few-shot.jsonl"),
    "mine.json": lambda: (SAMPLES / "qa/sw.few-shot.json").read_text(encoding="utf-8"),
    "my-english.jsonl": lambda: (SAMPLES / "mtod/en.jsonl").read_text(encoding="utf-8"),
}
"""Files that the pages assume the reader to have."""


def page_commands(file: Path) -> list[Command]:
    return list(commands(file.read_text(encoding="utf-8")))


PAGES_WITH_COMMANDS: Final = [
    file for file in PAGES if any(command.language == SHELL for command in page_commands(file))
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DocsStack]:
    with running_stack(tmp_path_factory.mktemp("docs")) as running:
        yield running


@dataclass
class Shell:
    """Runs the commands of one page in one working directory and one environment.

    Attributes:
        stack: The running services.
        monkeypatch: Sets environment variables for the page.
        capsys: Captures the output of in-process commands.
        keys: The keys that were created, oldest first.
    """

    stack: DocsStack
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    keys: list[str] = field(default_factory=list)

    def run(self, command: Command) -> None:
        text = self.with_real_values(command.text)
        if command.program == "xmetra":
            self.run_xmetra(text)
        elif command.program == "export":
            for assignment in words_of_export(text):
                name, _, value = assignment.partition("=")
                self.monkeypatch.setenv(name, os.path.expandvars(value))
        elif command.program in BASH_PROGRAMS:
            finished = subprocess.run(
                ["bash", "-c", CURL + text], check=False, capture_output=True, text=True
            )
            assert finished.returncode == 0, f"{text}\n{finished.stdout}\n{finished.stderr}"
        else:
            assert command.program in OTHER_PROGRAMS, f"unknown program: {text}"

    def run_xmetra(self, text: str) -> None:
        program, *arguments = words_of(os.path.expandvars(text))
        if reason_not_to_run(text) not in {None, LISTENS}:
            parse(arguments)
            return
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
            patch.setattr(sys, "stdin", StringIO("y\n"))
            patch.setattr(uvicorn.Server, "run", pretend_to_listen)
            patch.setattr(os, "environ", os.environ.copy())
            main(arguments)
        captured = self.capsys.readouterr()
        assert ended.value.code in {0, None}, f"{program} {arguments}: {captured.out}\n{captured.err}"
        self.keys += re.findall(r"(?m)^xm_[\w-]+$", captured.out)

    def with_real_values(self, text: str) -> str:
        """Replace the addresses, ids and folders that a page names by those of the stack."""
        text = re.sub(r"(http://)?(127\.0\.0\.1|localhost):8000", self.stack.url, text)
        text = text.replace("http://other:8000", self.stack.other_url)
        text = text.replace("http://10.0.0.5:8000", self.stack.locked_url)
        text = text.replace("/etc/xmetra", str(self.stack.keys_file.parent))
        values: dict[str, Callable[[], str]] = {
            r"\bJOB\b": lambda: str(self.get("/jobs")["jobs"][0]["job_id"]),
            r"\bCHECKPOINT\b": lambda: self.idle_checkpoint(text),
            r"(?<=--expected )7\b": self.live_number,
            r'(?<=If-Match: ")7\b': self.live_number,
            r"xm_…": lambda: self.keys[-1],
            r"\b0123456789ab\b": lambda: self.keys[0].split("_")[1],
        }
        for pattern, value in values.items():
            if re.search(pattern, text):
                text = re.sub(pattern, value(), text)
        return text

    def idle_checkpoint(self, text: str) -> str:
        """Return the newest Spanish checkpoint that does not serve, of the service that a command names."""
        url = self.stack.other_url if self.stack.other_url in text else self.stack.url
        page = self.get("/checkpoints", url=url, language="es")
        idle = [view for view in page["checkpoints"] if not view["serves"] and "es" in view["languages"]]
        return str(idle[0]["checkpoint_id"])

    def live_number(self) -> str:
        return str(self.get("/languages/mtod/es")["live"]["number"])

    def get(self, path: str, *, url: str | None = None, **query: str) -> Any:
        response = httpx.get((url or self.stack.url) + path, params=query)
        assert response.status_code == 200, response.text
        return response.json()


def pretend_to_listen(server: uvicorn.Server, sockets: object = None) -> None:
    """Replace `uvicorn.Server.run`: return as after a normal shutdown, without listening."""
    server.started = True


def words_of_export(text: str) -> list[str]:
    return words_of(text.replace("export", "true", 1))[1:]


def reason_not_to_run(text: str) -> str | None:
    """Return why a command line of ``xmetra`` is parsed only, or None if it is run."""
    words = words_of(text)
    path = " ".join(words[1:3]) if " ".join(words[1:3]) in NOT_RUN else words[1]
    return None if "--dry-run" in words else NOT_RUN.get(path)


def page_id(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("file", PAGES_WITH_COMMANDS, ids=page_id)
def test_page_commands_succeed(
    file: Path,
    stack: DocsStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "samples").symlink_to(SAMPLES)
    for name, content in USER_FILES.items():
        (tmp_path / name).write_text(content(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("XMETRA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XMETRA_URL", stack.url)
    monkeypatch.setenv("COLUMNS", "200")
    shell = Shell(stack, monkeypatch, capsys)
    for command in page_commands(file):
        if command.language == SHELL:
            shell.run(command)


@pytest.mark.parametrize("file", PAGES, ids=page_id)
def test_page_shows_commands_in_shell_blocks_only(file: Path) -> None:
    assert [
        f"{command.line}: {command.text}"
        for command in page_commands(file)
        if command.program in {"xmetra", "curl"} and command.language != SHELL
    ] == []


def test_commands_that_are_not_run_are_counted() -> None:
    reasons = Counter(
        reason_not_to_run(command.text)
        for file in PAGES
        for command in page_commands(file)
        if command.program == "xmetra"
    )
    del reasons[None]
    assert reasons == NOT_RUN_COUNTS


@pytest.mark.parametrize("file", PARSED_PAGES, ids=page_id)
def test_page_names_commands_and_options_that_exist(file: Path) -> None:
    lines = [command.text for command in page_commands(file) if command.program == "xmetra"]
    spans = [text for _, text in inline_commands(file.read_text(encoding="utf-8"), "xmetra")]
    for text in [*lines, *spans]:
        words = [word for word in words_of(text)[1:] if word not in {"--help", "COMMAND"}]
        if words:
            parse_fragment(words)


@pytest.mark.parametrize("file", PARSED_PAGES, ids=page_id)
def test_page_names_make_targets_that_exist(file: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8")))
    page = file.read_text(encoding="utf-8")
    lines = [command.text for command in commands(page) if command.program == "make"]
    lines += [text for _, text in inline_commands(page, "make")]
    assert {word for line in lines for word in words_of(line)[1:2] if word.islower()} <= targets


def test_reference_lists_every_command() -> None:
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `xmetra ([a-z -]+)", reference)
    assert sorted(row.strip() for row in rows) == sorted(leaf_commands())
