"""Which checkpoint answers a language: looked up in the store, and believed for a second."""

import time
from collections.abc import Callable, Iterator
from typing import Final

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


class LiveDeployments:
    """What serves each language, looked up at most once a second.

    Args:
        store: Where deployments are.
        clock: Seconds, for the tests.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[TaskName, str], tuple[float, Deployment | None]] = {}
        self._there: dict[tuple[TaskName, str], float] = {}

    def live(self, task: TaskName, key: str) -> Deployment | None:
        """Return what serves a language (or ``base``), or None.

        While the store cannot be read, the last known answer stays true: loaded models go on answering.

        Raises:
            StoreUnavailable: The store cannot be read, and nothing is known.
        """
        known = self._known.get((task, key))
        if known is not None and self._is_recent(known):
            return known[1]
        try:
            deployment = self._store.deployments.live(task, key)
        except StoreUnavailable:
            if known is None:
                raise
            deployment = known[1]
        if len(self._known) >= MAX_LOOKUPS:
            self._known.clear()
        self._known[task, key] = (self._clock(), deployment)
        return deployment

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
            known = self._known.get((task, key))
            if known is None or not self._is_recent(known):
                return False
            if known[1] is not None:
                return True
        return True

    def require(self, task: TaskName, checkpoint_id: str) -> None:
        """Return if a checkpoint that was asked for by name is there: one in memory may have been deleted.

        While the store cannot be read, one that was there stays there.

        Raises:
            NotFound: It is not.
            StoreUnavailable: The store cannot be read, and nothing is known.
        """
        if self.recently_there(task, checkpoint_id):
            return
        try:
            is_there = self._store.checkpoints.exists(task, checkpoint_id)
        except StoreUnavailable:
            if (task, checkpoint_id) not in self._there:
                raise
            is_there = True
        if not is_there:
            self.forget(task, checkpoint_id)
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")
        if len(self._there) >= MAX_LOOKUPS:
            self._there.clear()
        self._there[task, checkpoint_id] = self._clock()

    def recently_there(self, task: TaskName, checkpoint_id: str) -> bool:
        """Whether `require` would find its answer without the store."""
        seen = self._there.get((task, checkpoint_id))
        return seen is not None and self._clock() - seen < LIVE_SECONDS

    def forget(self, task: TaskName, checkpoint_id: str) -> None:
        """Believe no longer that a checkpoint is there."""
        self._there.pop((task, checkpoint_id), None)

    def _is_recent(self, known: tuple[float, Deployment | None]) -> bool:
        return self._clock() - known[0] < LIVE_SECONDS


def is_adapted(manifest: CheckpointManifest, language: str) -> bool:
    """Whether a model was trained on a language, or on what it is a variety of."""
    return any(tag in manifest.languages for tag in lookup_chain(language))
