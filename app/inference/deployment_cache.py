"""Cache of deployments: which checkpoint serves a language, looked up in the store at most once a second."""

import time
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from core.contracts.reports import CheckpointManifest, Deployment
from core.contracts.values import BASE, TaskName
from core.errors import ModelUnavailable, NotFound, StoreUnavailable
from core.store import Store

LIVE_SECONDS: Final = 1.0
"""Time to live of an entry: a promotion takes effect within this time, and a busy api reads the store once a
second, not once an utterance."""

MAX_ENTRIES: Final = 10_000
"""Entries in a cache: more than there are languages, fewer than there are tags."""


Key = tuple[TaskName, str]
ValueT = TypeVar("ValueT")


def lookup_chain(language: str) -> Iterator[str]:
    """Yield a tag and its ever shorter prefixes: the lookup of RFC 4647, section 3.4.

    Args:
        language: A canonical BCP-47 tag.
    """
    parts = language.split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()
        if parts and len(parts[-1]) == 1:  # a singleton opens an extension and means nothing alone
            parts.pop()


class TTLCache(Generic[ValueT]):
    """Values that were looked up, valid for a second; longer while the store cannot be read.

    Args:
        clock: Monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: dict[Key, tuple[float, ValueT]] = {}

    def get(self, key: Key, fetch: Callable[[], ValueT]) -> ValueT:
        """Return a value, fetching it if there is no valid entry.

        Raises:
            StoreUnavailable: The store cannot be read, and there is no entry at all.
        """
        entry = self._entries.get(key)
        if entry is not None and self._is_valid(entry):
            return entry[1]
        try:
            value = fetch()
        except StoreUnavailable:
            if entry is None:
                raise
            value = entry[1]
        if len(self._entries) >= MAX_ENTRIES:
            self._entries.clear()
        self._entries[key] = (self._clock(), value)
        return value

    def peek(self, key: Key) -> tuple[ValueT] | None:
        """Return the value of a valid entry in a tuple of one; None if `get` would fetch it."""
        entry = self._entries.get(key)
        return None if entry is None or not self._is_valid(entry) else (entry[1],)

    def invalidate(self, key: Key) -> None:
        """Drop an entry."""
        self._entries.pop(key, None)

    def _is_valid(self, entry: tuple[float, ValueT]) -> bool:
        return self._clock() - entry[0] < LIVE_SECONDS


class DeploymentCache:
    """The checkpoint that serves each language, and whether a checkpoint exists.

    Args:
        store: Holds the deployments.
        clock: Monotonic time in seconds, for tests.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._live = TTLCache[Deployment | None](clock)
        self._exists = TTLCache[bool](clock)

    def live(self, task: TaskName, key: str) -> Deployment | None:
        """Return the deployment that serves a language (or ``base``), or None.

        While the store cannot be read, the last known answer stays valid: loaded models go on answering.

        Raises:
            StoreUnavailable: The store cannot be read, and nothing is cached.
        """
        return self._live.get((task, key), lambda: self._store.deployments.live(task, key))

    def checkpoint_for(self, task: TaskName, language: str) -> str:
        """Return the checkpoint that answers a language: its own, its parent's, or the base.

        Raises:
            ModelUnavailable: There is no base.
        """
        for key in (*lookup_chain(language), BASE):
            if deployment := self.live(task, key):
                return deployment.checkpoint_id
        raise ModelUnavailable(f"there is no base for {task} yet: POST /pretrain makes one")

    def knows(self, task: TaskName, language: str) -> bool:
        """Whether `checkpoint_for` needs no access to the store."""
        for key in (*lookup_chain(language), BASE):
            entry = self._live.peek((task, key))
            if entry is None:
                return False
            if entry[0] is not None:
                return True
        return True

    def require(self, task: TaskName, checkpoint_id: str) -> None:
        """Check that a checkpoint exists: one that is loaded may have been deleted.

        Raises:
            NotFound: It does not.
            StoreUnavailable: The store cannot be read, and nothing is cached.
        """
        key = (task, checkpoint_id)
        if not self._exists.get(key, lambda: self._store.checkpoints.exists(task, checkpoint_id)):
            self._exists.invalidate(key)  # it may be imported at any moment
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")

    def recently_there(self, task: TaskName, checkpoint_id: str) -> bool:
        """Whether `require` needs no access to the store."""
        return self._exists.peek((task, checkpoint_id)) is not None

    def forget(self, task: TaskName, checkpoint_id: str) -> None:
        """Drop the entry of a checkpoint that was deleted."""
        self._exists.invalidate((task, checkpoint_id))


def is_adapted(manifest: CheckpointManifest, language: str) -> bool:
    """Whether a model was trained on a language or on one that it is a variety of."""
    return any(tag in manifest.languages for tag in lookup_chain(language))
