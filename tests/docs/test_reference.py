"""What the documentation says is held against the code."""

import re
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from app.parsing.problems import TABLE, problem_type
from app.schemas.limits import Limits
from app.settings import Settings
from core.contracts.hyperparameters import (
    Hyperparameters,
    PretrainSettings,
    QaHyperparameters,
    QaPretrainSettings,
)
from core.contracts.values import Method
from core.formats import FileFormat, read_examples, read_questions
from tests.repository import ROOT
from worker.settings import WorkerSettings

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def defaults(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field by its dotted name, with its default."""
    for name, field in model.model_fields.items():
        value = field.default
        if isinstance(value, BaseModel):
            yield from defaults(type(value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value.value if isinstance(value, Enum) else value)


@pytest.mark.parametrize(("name", "default"), [*defaults(Hyperparameters), *defaults(PretrainSettings)])
def test_every_hyperparameter_is_told_with_its_default(name: str, default: str) -> None:
    assert f"| `{name}` | `{default}` |" in page("reference/hyperparameters.md")


def test_every_method_is_told() -> None:
    told = page("reference/hyperparameters.md").split("## Methods")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| `(.*?)` \|", told) == list(Method)


def test_the_defaults_that_differ_for_questions_are_told_and_no_others() -> None:
    differing = {
        f"`{name}`{of_a_base}": default
        for ours, theirs, of_a_base in (
            (QaHyperparameters, Hyperparameters, ""),
            (QaPretrainSettings, PretrainSettings, " (of a base)"),
        )
        for name, default in set(defaults(ours)) - set(defaults(theirs))
    }
    section = page("reference/hyperparameters.md").split("## Questions")[1].split("\n## ")[0]
    told = dict(re.findall(r"(?m)^\| (`.*) \| `(.*)` \|$", section))
    assert told == differing


@pytest.mark.parametrize("settings", [Settings, WorkerSettings])
def test_every_setting_is_told(settings: type[BaseSettings]) -> None:
    told = page("reference/settings.md")
    assert [name for name in settings.model_fields if f"`XMETRA_{name.upper()}`" not in told] == []


def test_no_setting_is_told_that_is_not_there() -> None:
    told = set(re.findall(r"`XMETRA_(\w+)`", page("reference/settings.md")))
    of_commands = {"HOST", "PORT", "FORWARDED_ALLOW_IPS", "URL", "HOME", "API_KEY", "FIRST_BASE"}
    known = {name.upper() for model in (Settings, WorkerSettings) for name in model.model_fields}
    assert told - of_commands - known == set()


def test_every_limit_that_can_be_set_is_told_with_its_default() -> None:
    rates = {"predict_items_per_minute", "jobs_per_hour", "max_body_bytes", "job_timeout_seconds"}
    waiting = {"max_waiting_jobs", "max_waiting_tokens"}
    told = page("reference/limits.md")
    for name in (*rates, *waiting, *(limit.name for limit in fields(Limits))):
        assert f"| `XMETRA_{name.upper()}` | `{Settings.model_fields[name].default}` |" in told


def test_every_kind_of_error_is_told() -> None:
    told = page("reference/errors.md")
    kinds = {(kind.status, kind.slug) for kind in TABLE.values() if kind.slug != "disconnected"}
    missing = {(status, slug) for status, slug in kinds if f"| {status} | `{slug}` |" not in told}
    assert missing == set()
    assert problem_type("x").endswith(":x")


def test_the_examples_of_every_format_can_be_read() -> None:
    told = page("reference/data-formats.md")
    for kind, read_file, formats in (("Utterances", read_examples, 3), ("Questions", read_questions, 2)):
        section = re.search(rf"(?ms)^## {kind}\n(.*?)(?=^## |\Z)", told)
        assert section
        blocks = re.findall(r"(?m)(?:^    .*\n)+", section[1])
        read = [read_file(re.sub("(?m)^    ", "", block).encode()) for block in blocks]
        assert len(read) == formats
        assert all(one == read[0] for one in read)
    assert all(f"(`{name}`)" in told for name in FileFormat)


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_leads_to_a_file(file: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []
