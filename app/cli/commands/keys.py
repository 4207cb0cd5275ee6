"""``xmetra keys``: the file of the API keys."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from app.cli.exit_codes import UsageFault
from app.cli.options import AsJson
from app.cli.rendering.console import messages, results, write_json
from app.security.api_keys import Scope, StoredKey, new_key
from app.security.key_store import edit_keys, read_keys

File = Annotated[
    Path,
    typer.Option(
        envvar="XMETRA_KEYS_FILE",
        help="File of the keys.",
        dir_okay=False,
        show_default=False,
        metavar="FILE",
    ),
]

application = typer.Typer(
    help="Create, list and revoke the API keys of a service.\n\n"
    "Example: [bold]xmetra keys new --file keys.jsonl --name shop --scopes predict[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command()
def new(
    *,
    name: Annotated[
        str, typer.Option(help="Name of the client that gets the key, for the list.", show_default=False)
    ],
    scopes: Annotated[
        str,
        typer.Option(
            help="Permissions, with commas between: predict, adapt, metrics, admin.", metavar="SCOPE,…"
        ),
    ] = Scope.PREDICT.value,
    file: File,
    as_json: AsJson = False,
) -> None:
    """Create a key and print it once; the file has its hash only.

    A running service with this file accepts the key at once.

    Example: [bold]xmetra keys new --file keys.jsonl --name shop --scopes predict,adapt[/]
    """
    permissions = _parse_scopes(scopes)
    if not name.isprintable() or not 1 <= len(name) <= 100:
        raise UsageFault("--name: expected 1 to 100 printable characters")
    secret, stored = new_key(name, permissions)
    with edit_keys(file) as keys:
        keys.append(stored)
    if as_json:
        write_json({"key": secret, **_public_fields(stored)})
        return
    results().out(secret)
    messages().print("store it safely: it is not shown again", style="dim")


@application.command(name="list")
def list_keys(*, file: File, as_json: AsJson = False) -> None:
    """List the keys by id, name and scopes, without the keys themselves.

    Example: [bold]xmetra keys list --file keys.jsonl[/]
    """
    keys = read_keys(file)
    if as_json:
        write_json({"keys": [_public_fields(key) for key in keys]})
    elif keys:
        results().print(_keys_table(keys))
    else:
        messages().print("no keys")


@application.command()
def revoke(
    key_id: Annotated[
        str, typer.Argument(help="Id of the key, from `keys list`.", metavar="ID", show_default=False)
    ],
    *,
    file: File,
    as_json: AsJson = False,
) -> None:
    """Revoke a key: a running service with this file refuses the key from its next request on.

    Example: [bold]xmetra keys revoke ID --file keys.jsonl[/]
    """
    with edit_keys(file) as keys:
        revoked = next((key for key in keys if key.id == key_id), None)
        if revoked is None:
            raise UsageFault(f"{file} has no key with the id {key_id!r}; see `xmetra keys list`")
        keys.remove(revoked)
    if as_json:
        write_json({"revoked": _public_fields(revoked)})
    else:
        results().print(f"revoked {revoked.id} ({escape(revoked.name)})")


def _parse_scopes(text: str) -> tuple[Scope, ...]:
    """Return the scopes of a text with commas between them.

    Raises:
        UsageFault: A scope is unknown.
    """
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in set(Scope)]:
        raise UsageFault(f"--scopes: {', '.join(map(repr, unknown))} is none of {', '.join(Scope)}")
    return tuple(Scope(name) for name in names)


def _public_fields(key: StoredKey) -> dict[str, object]:
    """Return the fields of a key without its hash."""
    return key.model_dump(mode="json", exclude={"sha256"})


def _keys_table(keys: tuple[StoredKey, ...]) -> Table:
    """Return a table with a row for each key."""
    table = Table("id", "name", "scopes", "created", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key.id, escape(key.name), ", ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}")
    return table
