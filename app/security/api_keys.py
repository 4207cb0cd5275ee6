"""Bearer keys: what one looks like, what is kept of it, and whose key was shown."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints

from core.contracts.values import Contract, now

ID_BYTES: Final = 6
SECRET_BYTES: Final = 32
"""256 random bits: nobody guesses them, and nobody finds them from their hash."""

KEY: Final = re.compile(r"xm_(?P<id>[0-9a-f]{12})_[A-Za-z0-9_-]{43}")
"""The prefix lets scanners of repositories and logs find a key that was lost there."""

NOBODY: Final = "0" * 64
"""What the hash of a key with an unknown id is compared with: no key that can be found has it."""


class Scope(StrEnum):
    """What a key may do.

    Attributes:
        PREDICT: Ask for predictions, and see which languages are served.
        ADAPT: Store data, teach languages, watch jobs, see checkpoints.
        METRICS: Read what is counted and measured: for Prometheus.
        ADMIN: All of it, and change what serves.
    """

    PREDICT = "predict"
    ADAPT = "adapt"
    METRICS = "metrics"
    ADMIN = "admin"


class StoredKey(Contract):
    """What is kept of a key; the key itself is not.

    Attributes:
        name: Whose it is, for people.
        sha256: Of the whole key, in hexadecimal digits. A slow hash, such as Argon2, protects secrets that
            people think up; against 256 random bits nobody can try one by one, so that a quick one is as
            safe, and costs no request a tenth of a second.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    created_at: AwareDatetime

    def allows(self, scopes: frozenset[Scope]) -> bool:
        """Whether the key has one of these scopes; who may administer may do everything."""
        return Scope.ADMIN in self.scopes or not scopes.isdisjoint(self.scopes)


def new_key(name: str, scopes: Sequence[Scope], *, at: datetime | None = None) -> tuple[str, StoredKey]:
    """Make a key.

    Returns:
        The key, which is not kept anywhere, and what is kept of it.
    """
    key_id = secrets.token_hex(ID_BYTES)
    shown = f"xm_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    unique = tuple(dict.fromkeys(scopes))
    return shown, StoredKey(
        id=key_id, name=name, scopes=unique, sha256=_digest(shown), created_at=at or now()
    )


class KeyRing:
    """The keys that are good now."""

    def __init__(self, keys: Iterable[StoredKey]) -> None:
        self._by_id = {key.id: key for key in keys}

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, shown: str) -> StoredKey | None:
        """Return the key that was shown, or None if it is nobody's.

        Whatever is shown is hashed and compared once, in constant time: neither the id nor the secret can
        be found out by how long an answer takes.
        """
        form = KEY.fullmatch(shown)
        key = self._by_id.get(form["id"]) if form else None
        is_same = hmac.compare_digest(_digest(shown), key.sha256 if key else NOBODY)
        return key if is_same else None


def _digest(shown: str) -> str:
    return hashlib.sha256(shown.encode(errors="replace")).hexdigest()
