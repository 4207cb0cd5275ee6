"""The documentation agrees with the code: settings, limits, errors, formats, links and paths."""

import re
from collections.abc import Iterator
from dataclasses import fields
from enum import Enum
from http import HTTPStatus
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from app.parsing.problems import TABLE, UNEXPECTED, problem_type
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
OTHER_PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks/RESULTS.md", "client/README.md")
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in OTHER_PAGES)])

ROUTER_STATUSES = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
"""Statuses of the errors that the router and the form parser raise."""

CITED_PATH = re.compile(r"`((?:app|benchmarks|client|core|deploy|docs|samples|tests|worker)/[\w./-]*)`")
CITED_NAME = re.compile(r"`((?:app|core|worker)(?:\.\w+)+)`")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def page_id(file: Path) -> str:
    return str(file.relative_to(ROOT))


def defaults(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every field by its dotted name, with its default."""
    for name, field in model.model_fields.items():
        value = field.default
        if isinstance(value, BaseModel):
            yield from defaults(type(value), f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value.value if isinstance(value, Enum) else value)


@pytest.mark.parametrize(("name", "default"), [*defaults(Hyperparameters), *defaults(PretrainSettings)])
def test_hyperparameter_reference_has_every_default(name: str, default: str) -> None:
    assert f"| `{name}` | `{default}` |" in page("reference/hyperparameters.md")


def test_hyperparameter_reference_lists_every_method() -> None:
    section = page("reference/hyperparameters.md").split("## Methods")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| `(.*?)` \|", section) == list(Method)


def test_hyperparameter_reference_lists_exactly_the_defaults_that_differ_for_questions() -> None:
    differing = {
        f"`{name}`{suffix}": default
        for questions, utterances, suffix in (
            (QaHyperparameters, Hyperparameters, ""),
            (QaPretrainSettings, PretrainSettings, " (of a base)"),
        )
        for name, default in set(defaults(questions)) - set(defaults(utterances))
    }
    section = page("reference/hyperparameters.md").split("## Questions")[1].split("\n## ")[0]
    assert dict(re.findall(r"(?m)^\| (`.*) \| `(.*)` \|$", section)) == differing


@pytest.mark.parametrize("settings", [Settings, WorkerSettings])
def test_settings_reference_lists_every_setting(settings: type[BaseSettings]) -> None:
    reference = page("reference/settings.md")
    assert [name for name in settings.model_fields if f"`XMETRA_{name.upper()}`" not in reference] == []


def test_settings_reference_lists_no_unknown_setting() -> None:
    documented = set(re.findall(r"`XMETRA_(\w+)`", page("reference/settings.md")))
    command_line = {"HOST", "PORT", "FORWARDED_ALLOW_IPS", "URL", "HOME", "API_KEY", "FIRST_BASE"}
    settings = {name.upper() for model in (Settings, WorkerSettings) for name in model.model_fields}
    assert documented - command_line - settings == set()


def test_limit_reference_has_every_configurable_limit_with_its_default() -> None:
    rates = {"predict_items_per_minute", "jobs_per_hour", "max_body_bytes", "job_timeout_seconds"}
    waiting = {"max_waiting_jobs", "max_waiting_tokens"}
    reference = page("reference/limits.md")
    for name in (*rates, *waiting, *(limit.name for limit in fields(Limits))):
        assert f"| `XMETRA_{name.upper()}` | `{Settings.model_fields[name].default}` |" in reference


def test_error_reference_lists_exactly_the_problem_types() -> None:
    rows = re.findall(r"(?m)^\| (\d{3}) \| `([a-z-]+)` \|", page("reference/errors.md"))
    kinds = [*(kind for kind in TABLE.values() if kind.slug != "disconnected"), UNEXPECTED]
    problem_types = {(kind.status, kind.slug) for kind in kinds}
    problem_types |= {(int(status), status.phrase.lower().replace(" ", "-")) for status in ROUTER_STATUSES}
    assert {(int(status), slug) for status, slug in rows} == problem_types
    assert len(rows) == len(problem_types)
    assert problem_type("").removesuffix(":") in page("reference/errors.md")


def test_format_reference_examples_are_readable_and_equal() -> None:
    reference = page("reference/data-formats.md")
    for kind, read_file, formats in (("Utterances", read_examples, 3), ("Questions", read_questions, 2)):
        section = re.search(rf"(?ms)^## {kind}\n(.*?)(?=^## |\Z)", reference)
        assert section
        blocks = re.findall(r"(?m)(?:^    .*\n)+", section[1])
        datasets = [read_file(re.sub("(?m)^    ", "", block).encode()) for block in blocks]
        assert len(datasets) == formats
        assert all(examples == datasets[0] for examples in datasets)
    assert all(f"(`{name}`)" in reference for name in FileFormat)


@pytest.mark.parametrize("file", PAGES, ids=page_id)
def test_page_links_to_existing_files(file: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []


@pytest.mark.parametrize("file", PAGES, ids=page_id)
def test_page_links_to_existing_headings(file: Path) -> None:
    links = re.findall(r"\]\(([^)#:]*)#([^)]+)\)", file.read_text(encoding="utf-8"))
    assert [
        f"{target}#{anchor}"
        for target, anchor in links
        if anchor not in anchors(file.parent / target if target else file)
    ] == []


def anchors(file: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.*)$", file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", PAGES, ids=page_id)
def test_page_cites_existing_paths_and_names(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [path for path in CITED_PATH.findall(text) if not exists(path)] == []
    assert [name for name in CITED_NAME.findall(text) if not is_defined(name)] == []


def exists(path: str) -> bool:
    """Return whether a path exists; ``XX`` stands for a language, and any of several files is enough."""
    return (ROOT / path).exists() or any(ROOT.glob(path.replace("XX", "*")))


def is_defined(name: str) -> bool:
    """Return whether a dotted name is a module, or a word in the module that is named before it."""
    path = ROOT / name.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").exists():
        return True
    module = path.parent.with_suffix(".py")
    return module.exists() and re.search(rf"\b{path.name}\b", module.read_text(encoding="utf-8")) is not None
