"""Which checkpoint answers a language: looked up in the store, and believed for a second."""

import time
from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

from core.contracts.reports import CheckpointManifest, Deployment
from core.contracts.values import TaskName
from core.errors import ModelUnavailable, NotFound, StoreUnavailable
from core.store import Store
from core.store.names import BASE

LIVE_SECONDS: Final = 1.0
"""How long a looked-up deployment is believed: a promotion is seen within this time, and a busy api
asks the store once a second, not once an utterance."""

MAX_LOOKUPS: Final = 10_000
"""Looked-up deployments that are remembered: more than there are languages, less than there are tags."""


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
    """What was looked up in the store, believed for a second, and for as long as the store cannot be read.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[Key, tuple[float, ValueT]] = {}

    def get(self, key: Key, look: Callable[[], ValueT]) -> ValueT:
        """Return what is believed, or else look it up.

        Raises:
            StoreUnavailable: The store cannot be read, and nothing is known.
        """
        known = self._known.get(key)
        if known is not None and self._is_recent(known):
            return known[1]
        try:
            value = look()
        except StoreUnavailable:
            if known is None:
                raise
            value = known[1]
        if len(self._known) >= MAX_LOOKUPS:
            self._known.clear()
        self._known[key] = (self._clock(), value)
        return value

    def recent(self, key: Key) -> tuple[ValueT] | None:
        """Return what `get` would return without the store; None if it would look."""
        known = self._known.get(key)
        return None if known is None or not self._is_recent(known) else (known[1],)

    def forget(self, key: Key) -> None:
        """Believe it no longer."""
        self._known.pop(key, None)

    def _is_recent(self, known: tuple[float, ValueT]) -> bool:
        return self._clock() - known[0] < LIVE_SECONDS


class DeploymentCache:
    """What serves each language, and whether a checkpoint is there, looked up at most once a second.

    Args:
        store: Where deployments are.
        clock: Seconds, for the tests.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._live = TTLCache[Deployment | None](clock)
        self._there = TTLCache[bool](clock)

    def live(self, task: TaskName, key: str) -> Deployment | None:
        """Return what serves a language (or ``base``), or None.

        While the store cannot be read, the last known answer stays true: loaded models go on answering.

        Raises:
            StoreUnavailable: The store cannot be read, and nothing is known.
        """
        return self._live.get((task, key), lambda: self._store.deployments.live(task, key))

    def checkpoint_for(self, task: TaskName, language: str) -> str:
        """Return the checkpoint that answers a language: its own, its parent's, or the base.

        Raises:
            ModelUnavailable: Not even a base is there.
        """
        for key in (*lookup_chain(language), BASE):
            if deployment := self.live(task, key):
                return deployment.checkpoint_id
        raise ModelUnavailable(f"there is no base for {task} yet: POST /pretrain makes one")

    def knows(self, task: TaskName, language: str) -> bool:
        """Whether `checkpoint_for` would find its answer without the store."""
        for key in (*lookup_chain(language), BASE):
            known = self._live.recent((task, key))
            if known is None:
                return False
            if known[0] is not None:
                return True
        return True

    def require(self, task: TaskName, checkpoint_id: str) -> None:
        """Return if a checkpoint that was asked for by name is there: one in memory may have been deleted.

        Raises:
            NotFound: It is not.
            StoreUnavailable: The store cannot be read, and nothing is known.
        """
        key = (task, checkpoint_id)
        if not self._there.get(key, lambda: self._store.checkpoints.exists(task, checkpoint_id)):
            self._there.forget(key)  # it may come in at any moment
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")

    def recently_there(self, task: TaskName, checkpoint_id: str) -> bool:
        """Whether `require` would find its answer without the store."""
        return self._there.recent((task, checkpoint_id)) is not None

    def forget(self, task: TaskName, checkpoint_id: str) -> None:
        """Believe no longer that a checkpoint is there."""
        self._there.forget((task, checkpoint_id))


def is_adapted(manifest: CheckpointManifest, language: str) -> bool:
    """Whether a model was trained on a language, or on what it is a variety of."""
    return any(tag in manifest.languages for tag in lookup_chain(language))
