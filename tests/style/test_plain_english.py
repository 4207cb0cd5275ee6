"""Names and prose of the repository, held to the rules of CONTRIBUTING.md ("The style")."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repository import ROOT

VAGUE_NAMES = frozenset({"told", "found", "asked", "held", "kept", "one", "read"})
"""Variables that say nothing of what they hold."""

MANNERED = re.compile(r"\b(told|nobody|somebody|whoever|anybody|has its turn)\b", re.IGNORECASE)
"""Words that plain technical English does without."""

TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()
MODULES = sorted(path for path in TRACKED if path.endswith(".py") and (ROOT / path).exists())
PAGES = sorted(path for path in TRACKED if path.endswith(".md") and (ROOT / path).exists())


def variables(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of every variable, parameter and attribute that is assigned."""
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Store())
                | ast.arg(arg=name)
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                yield node.lineno, name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield node.lineno, name


def prose(source: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every docstring, comment and name of a function or class."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name.replace("_", " ")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.mark.parametrize("path", MODULES)
def test_module_has_plain_names_and_prose(path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    tree = ast.parse(source)
    faults = [
        f"{path}:{line}: variable {name}" for line, name in variables(tree) if name.lstrip("_") in VAGUE_NAMES
    ]
    faults += [
        f"{path}:{line}: {match.group()!r} in {text[:60]!r}"
        for line, text in prose(source, tree)
        for match in MANNERED.finditer(text)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("path", PAGES)
def test_page_has_plain_prose(path: str) -> None:
    lines = Path(ROOT / path).read_text(encoding="utf-8").splitlines()
    faults = [f"{path}:{number}: {line}" for number, line in enumerate(lines, 1) if MANNERED.search(line)]
    assert not faults, "\n".join(faults)
