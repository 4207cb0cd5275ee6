"""The models that are loaded."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Sized
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from app.observability.metrics import Metrics
from core.contracts.answers import PredictedAnswer
from core.contracts.predictions import PredictedSlot, RankedIntent
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.store import Store

if TYPE_CHECKING:
    from core.checkpoints import SharedEncoders
    from core.predictor import Predictor


class Answer(Protocol):
    """What a predictor says of one thing it was asked."""

    @property
    def tokens(self) -> int:
        """Tokens read for it."""


class QaAnswer(Answer, Protocol):
    """What a predictor answers to one question."""

    @property
    def answers(self) -> tuple[PredictedAnswer, ...]:
        """The likeliest first; none where the context has no word."""


class MtodAnswer(Answer, Protocol):
    """What a predictor says of one text."""

    @property
    def intents(self) -> tuple[RankedIntent, ...]:
        """The likeliest first."""

    @property
    def slots(self) -> tuple[PredictedSlot, ...]:
        """In the order of the text."""


class LoadedModel(Protocol):
    """A checkpoint that answers; `core.predictor.Predictor` is one."""

    @property
    def manifest(self) -> CheckpointManifest:
        """What it is."""

    @property
    def memory(self) -> Mapping[int, int]:
        """The pieces of memory it holds, address → bytes; models that share some name the same."""

    def read(self, asked: Sequence[Any]) -> Sequence[Sized]:
        """Tokenise, in order, what the model's task is asked; the length of each is its tokens.

        Raises:
            InvalidInput: Something is longer than the model reads; the pointer begins with its index.
        """

    def answer(self, read: Sequence[Sized], *, top_k: int) -> Sequence[Any]:
        """Answer, in order, what was read: each with an `Answer`."""


Loader = Callable[[Store, CheckpointManifest], LoadedModel]


class TorchLoader:
    """Loads real models; torch is imported when the first is loaded, and not before.

    Args:
        device: ``auto``, ``cpu``, ``cuda``…
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._lock = Lock()
        self._shared: SharedEncoders | None = None

    def __call__(self, store: Store, manifest: CheckpointManifest) -> LoadedModel:
        """Load a model; what it has in common with others that are loaded is held once."""
        from core.checkpoints import SharedEncoders  # noqa: PLC0415  torch takes seconds and 200 MB
        from core.system.devices import resolve_device  # noqa: PLC0415

        with self._lock:
            self._shared = self._shared or SharedEncoders()
        device = resolve_device(self._device)
        return engine().open(store, manifest, device=device, shared=self._shared)


def engine() -> "type[Predictor]":
    """Import what computes, and torch with it, the first time it is asked for."""
    from core.predictor import Predictor  # noqa: PLC0415  torch takes seconds and 200 MB

    return Predictor


@dataclass(slots=True)
class ModelCache:
    """The models in memory: each is loaded once, and the least recently used go first.

    Attributes:
        store: Where checkpoints are.
        load: Makes a model of a checkpoint.
        max_bytes: Weights kept; the one in use stays, however large.
        metrics: Told what is held.
    """

    store: Store
    load: Loader
    max_bytes: int
    metrics: Metrics = field(default_factory=Metrics)
    _models: OrderedDict[tuple[TaskName, str], Future[LoadedModel]] = field(
        default_factory=OrderedDict, init=False
    )
    _lock: Lock = field(default_factory=Lock, init=False)

    def loaded(self, task: TaskName, checkpoint_id: str) -> LoadedModel | None:
        """Return a model that is loaded and sound, or None; nobody waits."""
        with self._lock:
            future = self._models.get((task, checkpoint_id))
            if future is None or not future.done():
                return None
            self._models.move_to_end((task, checkpoint_id))
        return future.result() if future.exception() is None else None

    def get(self, task: TaskName, checkpoint_id: str) -> LoadedModel:
        """Return a model, loading it if need be; who comes meanwhile waits for the same load.

        Raises:
            NotFound: There is no such checkpoint.
            CorruptArtifact: It is damaged.
            StoreUnavailable: It cannot be read.
        """
        key = (task, checkpoint_id)
        with self._lock:
            future = self._models.get(key)
            is_first = future is None
            if future is None:
                future = self._models[key] = Future()
            self._models.move_to_end(key)
        if is_first:
            self._fill(future, key)
        return future.result()

    def forget(self, task: TaskName, checkpoint_id: str) -> None:
        """Drop a model that was deleted; one at work lives on until it is done."""
        with self._lock:
            self._models.pop((task, checkpoint_id), None)
            self._tell_held()

    def _fill(self, future: Future[LoadedModel], key: tuple[TaskName, str]) -> None:
        """Load a model for everyone who waits; one that fails is tried anew the next time."""
        try:
            future.set_result(self.load(self.store, self.store.checkpoints.manifest(*key)))
        except BaseException as error:
            with self._lock:
                self._models.pop(key, None)
            future.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        self._evict()

    def _evict(self) -> None:
        """Drop the least recently used until the rest fits; a model at work lives on until it is done."""
        with self._lock:
            for key in list(self._models)[:-1]:
                if self._held() <= self.max_bytes:
                    break
                if _memory(self._models[key]):
                    del self._models[key]
                    self.metrics.evicted()
            self._tell_held()

    def _tell_held(self) -> None:
        self.metrics.loaded(models=len(self._models), size_in_bytes=self._held())

    def _held(self) -> int:
        """Return the bytes of all models; what several share is held once."""
        held: dict[int, int] = {}
        for future in self._models.values():
            held.update(_memory(future))
        return sum(held.values())


def _memory(future: Future[LoadedModel]) -> Mapping[int, int]:
    """Return the memory of a loaded model; one that is still loading counts when it is there."""
    return future.result().memory if future.done() and future.exception() is None else {}
