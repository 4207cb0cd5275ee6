"""``xmetra keys new | list | revoke``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.cli.exit_codes import UsageFault
from app.cli.options import AsJson
from app.cli.rendering.console import messages, results, write_json
from app.security.api_keys import Scope, StoredKey, new_key
from app.security.key_store import changing, read_keys

File = Annotated[
    Path,
    typer.Option(
        envvar="XMETRA_KEYS_FILE",
        help="The file of keys.",
        dir_okay=False,
        show_default=False,
        metavar="FILE",
    ),
]

application = typer.Typer(
    help="Make, list and revoke the keys of a service. "
    "Example: [bold]xmetra keys new --file keys.jsonl --name shop --scopes predict[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command()
def new(
    *,
    name: Annotated[str, typer.Option(help="Whose it is; for people.", show_default=False)],
    scopes: Annotated[
        str, typer.Option(help="What it may do: predict, adapt, metrics, admin; several with commas between.")
    ] = Scope.PREDICT.value,
    file: File,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it, once: only its hash is kept.

    A service that runs with this file takes the key at once.

    Example: [bold]xmetra keys new --file keys.jsonl --name shop --scopes predict,adapt[/]
    """
    chosen = _scopes(scopes)
    if not name.isprintable() or not 1 <= len(name) <= 100:
        raise UsageFault("--name: expected 1 to 100 printable characters")
    shown, kept = new_key(name, chosen)
    with changing(file) as keys:
        keys.append(kept)
    if as_json:
        write_json({"key": shown, **_told(kept)})
        return
    results().out(shown)
    messages().print("keep it well: it is not shown again", style="dim")


@application.command(name="list")
def list_keys(*, file: File, as_json: AsJson = False) -> None:
    """List the keys by id, name and scopes; the keys themselves are nowhere.

    Example: [bold]xmetra keys list --file keys.jsonl[/]
    """
    keys = read_keys(file)
    if as_json:
        write_json({"keys": [_told(key) for key in keys]})
    elif keys:
        results().print(_table(keys))
    else:
        messages().print("no keys")


@application.command()
def revoke(
    key_id: Annotated[
        str, typer.Argument(help="The id that `keys list` shows.", metavar="ID", show_default=False)
    ],
    *,
    file: File,
    as_json: AsJson = False,
) -> None:
    """Take a key out of the file; a service that runs with it refuses the key from its next request on.

    Example: [bold]xmetra keys revoke ID --file keys.jsonl[/]
    """
    with changing(file) as keys:
        found = next((key for key in keys if key.id == key_id), None)
        if found is None:
            raise UsageFault(f"{file} has no key with the id {key_id!r}; see `xmetra keys list`")
        keys.remove(found)
    if as_json:
        write_json({"revoked": _told(found)})
    else:
        results().print(f"revoked {found.id} ({escape(found.name)})")


def _scopes(text: str) -> tuple[Scope, ...]:
    """Read scopes with commas between."""
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in set(Scope)]:
        raise UsageFault(f"--scopes: {', '.join(map(repr, unknown))} is none of {', '.join(Scope)}")
    return tuple(Scope(name) for name in names)


def _told(key: StoredKey) -> dict[str, object]:
    """Return what may be shown of a key."""
    return key.model_dump(mode="json", exclude={"sha256"})


def _table(keys: tuple[StoredKey, ...]) -> Table:
    table = Table("id", "name", "scopes", "made", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key.id, escape(key.name), ", ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}")
    return table
