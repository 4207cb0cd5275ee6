"""The arguments and options that several commands share, each described once."""

from pathlib import Path
from typing import Annotated

import typer

from core.contracts.values import TaskName

Url = Annotated[
    str,
    typer.Option("--url", envvar="XMETRA_URL", help="Where the service listens.", rich_help_panel="Service"),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="XMETRA_API_KEY",
        help="The key to show; rather in the environment, for others can see a command line.",
        rich_help_panel="Service",
        show_default=False,
    ),
]
KeysFile = Annotated[
    Path | None,
    typer.Option(
        envvar="XMETRA_KEYS_FILE",
        help="The file of keys; `xmetra keys new` makes it.",
        dir_okay=False,
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON for machines on stdout; progress stays on stderr.")
]
Language = Annotated[
    str, typer.Argument(help="A BCP-47 language tag: es, th, pt-BR…", metavar="LANGUAGE", show_default=False)
]
Examples = Annotated[
    Path,
    typer.Argument(
        help="Labelled utterances (JSONL, MTOD TSV, CoNLL) or, for qa, questions (SQuAD JSON, JSONL).",
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        show_default=False,
    ),
]
EvaluationFile = Annotated[
    Path | None,
    typer.Option(
        "--evaluation",
        help="Held-out examples to measure on; without it a part of FILE is held out.",
        exists=True,
        dir_okay=False,
        readable=True,
        show_default=False,
    ),
]
Checkpoint = Annotated[
    str | None, typer.Option(help="Ask this checkpoint, not the one in service.", show_default=False)
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
        help="A hyperparameter, such as meta.inner_steps=3; may be repeated.",
        show_default=False,
    ),
]
Task = Annotated[
    TaskName, typer.Option("--task", help="What is learnt: mtod (intents and slots) or qa (answers).")
]
DataFolder = Annotated[
    Path,
    typer.Option("--data", envvar="XMETRA_HOME", help="The folder for the store, Redis's file and the logs."),
]

DEFAULT_TASK = TaskName.MTOD
DEFAULT_DATA = Path(".data")
