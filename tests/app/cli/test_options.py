"""Languages, held-out examples and limits on the command line, for every command that takes them."""

from pathlib import Path
from typing import Final

import pytest
import typer

from app.cli.options import PAGE_LIMIT, parse_deployment_key, parse_held_out, parse_language
from app.jobs.queries import MAX_JOBS
from app.schemas.checkpoints import MAX_CHECKPOINTS
from tests.app.cli.command_tree import commands
from tests.app.cli.running import Run
from tests.app.cli.test_service_options import ARGUMENTS, arguments_of
from tests.app.fake_service import FakeService, Reply

COMMANDS_WITH_LANGUAGE: Final = sorted(
    path
    for path in ARGUMENTS
    if any(parameter.metavar == "LANGUAGE" for parameter in commands()[path].params)
)
COMMANDS_WITH_BASE: Final = ["models deploy", "models history", "models rollback"]


def test_commands_with_a_language_are_known() -> None:
    assert (
        sorted(["adapt", "ask", "evaluate", "predict", "pretrain", *COMMANDS_WITH_BASE])
        == COMMANDS_WITH_LANGUAGE
    )


@pytest.mark.parametrize("argument", ["salio", "pon una alarma", "", "samples/mtod/es.few-shot.jsonl"])
@pytest.mark.parametrize("path", COMMANDS_WITH_LANGUAGE)
def test_command_reports_a_missing_language(
    service: FakeService, run: Run, examples: Path, path: str, argument: str
) -> None:
    arguments = arguments_of(path, examples)
    arguments[len(path.split())] = argument

    result = run(*arguments)

    assert result.code == 2
    assert "expected a language tag such as sw" in result.err
    assert f"as the first argument, got {argument!r}" in result.err
    assert service.requests == []


def test_predict_reports_a_missing_language_before_it_reads_stdin(run: Run) -> None:
    result = run("predict", "salio")

    assert result.code == 2
    assert "expected a language tag such as sw as the first argument, got 'salio'" in result.err


@pytest.mark.parametrize("tag", ["es", "pt-BR", "es_XX", "zh-Hant"])
def test_parse_language_accepts_tags_of_the_registry(tag: str) -> None:
    assert parse_language(tag) == tag
    assert parse_deployment_key(tag) == tag


def test_parse_language_refuses_base() -> None:
    assert parse_deployment_key("base") == "base"
    with pytest.raises(typer.BadParameter):
        parse_language("base")


@pytest.mark.parametrize("text", ["0.3", ".3", "3e-1", "0.999"])
def test_parse_held_out_returns_a_number_between_0_and_1_as_a_share(text: str) -> None:
    assert parse_held_out(text) == float(text)


def test_parse_held_out_returns_a_file_with_the_name_of_a_number_when_it_has_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0.3").touch()
    (tmp_path / "2").touch()

    assert parse_held_out("./0.3") == Path("0.3")
    assert parse_held_out("2") == Path("2")


@pytest.mark.parametrize("text", ["0", "1", "1.5", "-0.3", "nan", "inf", "no-such-file", ""])
@pytest.mark.parametrize("path", ["adapt", "pretrain"])
def test_command_refuses_held_out_examples_that_are_neither_a_share_nor_a_file(
    service: FakeService, run: Run, examples: Path, path: str, text: str
) -> None:
    result = run(*arguments_of(path, examples), f"--evaluation={text}")

    assert result.code == 2
    assert "--evaluation" in result.err
    assert service.requests == []


@pytest.mark.parametrize("path", ["adapt", "pretrain"])
def test_command_sends_a_share_to_hold_out_as_over_http(
    service: FakeService, run: Run, examples: Path, path: str
) -> None:
    run(*arguments_of(path, examples), "--evaluation", "0.3")

    (request,) = service.requests
    assert request.has_field("evaluation", '{"fraction": 0.3}')


def test_page_limit_is_that_of_the_api() -> None:
    assert PAGE_LIMIT == MAX_JOBS == MAX_CHECKPOINTS


@pytest.mark.parametrize(("path", "rows"), [("jobs list", "jobs"), ("models list", "checkpoints")])
def test_list_accepts_the_limits_of_the_api(service: FakeService, run: Run, path: str, rows: str) -> None:
    service.answer(f"GET /{rows}", Reply({rows: [], "next_cursor": None}))

    assert run(*path.split(), "--limit", "200").code == 0
    assert "limit=200" in service.requests[0].path
    assert run(*path.split(), "--limit", "201").code == 2
    assert run(*path.split(), "--limit", "0").code == 2
