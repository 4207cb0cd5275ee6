"""Arguments and options that several commands share, and the parsers of their values."""

import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from core.contracts.values import BASE, MTOD, Method, canonical_language, registered_task
from core.plugins import task_names

DEFAULT_TASK: Final = MTOD
DEFAULT_DATA: Final = Path(".data")
SAMPLES: Final = Path("samples")
DEFAULT_REDIS: Final = "redis://127.0.0.1:6379/0"
DEFAULT_STORE: Final = ".data/store"

PAGE_LIMIT: Final = 200
"""Maximum of rows that the API returns for one request."""

TASK_HELP: Final = f"Task: {', '.join(task_names())}."


def parse_task(name: str) -> str:
    """Return the name of a registered task unchanged.

    Raises:
        typer.BadParameter: No task of that name is registered.
    """
    try:
        return registered_task(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def parse_language(tag: str) -> str:
    """Return a language tag unchanged.

    Raises:
        typer.BadParameter: It is not a language tag; usually because the language was left out.
    """
    if not _is_language(tag):
        raise typer.BadParameter(f"expected a language tag such as sw as the first argument, got {tag!r}")
    return tag


def parse_deployment_key(key: str) -> str:
    """Return a language tag, or ``base``, unchanged.

    Raises:
        typer.BadParameter: It is neither.
    """
    if key != BASE and not _is_language(key):
        raise typer.BadParameter(
            f"expected a language tag such as sw, or {BASE}, as the first argument, got {key!r}"
        )
    return key


def _is_language(tag: str) -> bool:
    """Return whether a tag is in the IANA registry."""
    try:
        canonical_language(tag)
    except ValueError:
        return False
    return True


def parse_held_out(text: str) -> Path | float:
    """Return the file of held-out examples, or the share of the training examples to hold out.

    Args:
        text: A number between 0 and 1, or else a path; a file that is named like a number is ``./0.3``.

    Raises:
        typer.BadParameter: It is neither a share nor a file that can be read.
    """
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if 0 < share < 1:
        return share
    path = Path(text)
    if path.is_dir():
        raise typer.BadParameter(f"file {text!r} is a directory.")
    if not path.exists():
        raise typer.BadParameter(f"file {text!r} does not exist, and is not a share between 0 and 1.")
    if not os.access(path, os.R_OK):
        raise typer.BadParameter(f"file {text!r} is not readable.")
    return path


Url = Annotated[
    str,
    typer.Option("--url", envvar="XMETRA_URL", help="Address of the service.", rich_help_panel="Service"),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="XMETRA_API_KEY",
        help="API key; prefer the variable, because other users of the machine can see command lines.",
        rich_help_panel="Service",
        show_default=False,
    ),
]
KeysFile = Annotated[
    Path | None,
    typer.Option(
        envvar="XMETRA_KEYS_FILE",
        help="File of the API keys; `xmetra keys new` creates it.",
        dir_okay=False,
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout; progress and notes are on stderr.")
]
Language = Annotated[
    str,
    typer.Argument(
        help="BCP-47 language tag, such as es, th or pt-BR.",
        metavar="LANGUAGE",
        parser=parse_language,
        show_default=False,
    ),
]
LanguageOrBase = Annotated[
    str,
    typer.Argument(
        help=f"BCP-47 language tag, or {BASE} for the model of all languages that have none of their own.",
        metavar="LANGUAGE",
        parser=parse_deployment_key,
        show_default=False,
    ),
]
Examples = Annotated[
    Path,
    typer.Argument(
        help="Labelled utterances (JSONL, MTOD TSV, CoNLL), or for qa questions (SQuAD JSON, JSONL).",
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        show_default=False,
    ),
]
HeldOut = Annotated[
    Any,  # Path | float | None: typer has no unions
    typer.Option(
        "--evaluation",
        help="File of held-out examples that measure the model, or the share of FILE to hold out, such as "
        "0.3; a file of that name is ./0.3.",
        metavar="FILE|SHARE",
        parser=parse_held_out,
        show_default=False,
    ),
]
Checkpoint = Annotated[
    str | None, typer.Option(help="Checkpoint to use instead of the live one.", show_default=False)
]
Follow = Annotated[
    bool,
    typer.Option("--follow/--no-follow", help="Show the progress until the job ends, or return at once."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Hyperparameter, such as meta.inner_steps=3; may be repeated.",
        show_default=False,
    ),
]
Task = Annotated[str, typer.Option("--task", metavar="TASK", parser=parse_task, help=TASK_HELP)]
Limit = Annotated[int, typer.Option(help="Maximum number of rows.", min=1, max=PAGE_LIMIT)]
DataFolder = Annotated[
    Path,
    typer.Option(
        "--data", envvar="XMETRA_HOME", help="Folder for the store, the data of Redis and the logs."
    ),
]
Samples = Annotated[Path, typer.Option(help="Folder of the sample data.", exists=True, file_okay=False)]
Baselines = Annotated[
    list[Method] | None,
    typer.Option(
        "--baseline",
        help="Another method to train for comparison, such as ft; may be repeated.",
        show_default=False,
    ),
]
RedisUrl = Annotated[
    str,
    typer.Option(
        "--redis-url", envvar="XMETRA_REDIS_URL", help="URL of Redis: redis://, rediss:// or unix://."
    ),
]
StoreUrl = Annotated[
    str,
    typer.Option(
        "--store-url",
        envvar="XMETRA_STORE_URL",
        help="Folder of the store, or a URL such as s3://bucket/path.",
    ),
]
