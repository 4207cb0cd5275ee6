"""API keys: their format, the hash that is stored of each, and the lookup of a bearer token."""

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
"""256 random bits can neither be guessed nor recovered from their hash."""

KEY: Final = re.compile(r"xm_(?P<id>[0-9a-f]{12})_[A-Za-z0-9_-]{43}")
"""The prefix lets secret scanners find a key that was leaked into a repository or a log."""

UNKNOWN_KEY_HASH: Final = "0" * 64
"""Compared with the hash of a token whose id is unknown. No findable token hashes to it."""


class Scope(StrEnum):
    """What a key may do.

    Attributes:
        PREDICT: Request predictions, and list the served languages.
        ADAPT: Store data, adapt languages, watch jobs, list checkpoints.
        METRICS: Read the metrics: for Prometheus.
        ADMIN: All of these, and change what is served.
    """

    PREDICT = "predict"
    ADAPT = "adapt"
    METRICS = "metrics"
    ADMIN = "admin"


class StoredKey(Contract):
    """The stored record of a key; the key itself is not stored.

    Attributes:
        id: Public part of the key, 12 hexadecimal digits.
        name: A label for people, such as the holder's name.
        scopes: What the key may do.
        sha256: Hash of the whole key, in hexadecimal digits. A slow hash, such as Argon2, protects secrets
            that people choose; 256 random bits cannot be searched, so a fast hash is as safe, and saves each
            request a tenth of a second.
        created_at: Time of creation.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    created_at: AwareDatetime

    def allows(self, scopes: frozenset[Scope]) -> bool:
        """Whether the key has at least one of the scopes; ADMIN implies every scope."""
        return Scope.ADMIN in self.scopes or not scopes.isdisjoint(self.scopes)


def new_key(name: str, scopes: Sequence[Scope], *, at: datetime | None = None) -> tuple[str, StoredKey]:
    """Generate a key.

    Returns:
        The key, which cannot be recovered later, and its stored record.
    """
    key_id = secrets.token_hex(ID_BYTES)
    token = f"xm_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    unique = tuple(dict.fromkeys(scopes))
    return token, StoredKey(
        id=key_id, name=name, scopes=unique, sha256=_digest(token), created_at=at or now()
    )


class KeyRing:
    """A set of valid keys."""

    def __init__(self, keys: Iterable[StoredKey]) -> None:
        self._by_id = {key.id: key for key in keys}

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, token: str) -> StoredKey | None:
        """Return the record of a bearer token, or None if the token is not a valid key.

        Every token is hashed and compared exactly once, in constant time, so that response times reveal
        neither ids nor secrets.
        """
        match = KEY.fullmatch(token)
        key = self._by_id.get(match["id"]) if match else None
        is_same = hmac.compare_digest(_digest(token), key.sha256 if key else UNKNOWN_KEY_HASH)
        return key if is_same else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
