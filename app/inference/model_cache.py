"""Cache of loaded models, evicted by least recent use."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence, Sized
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from app.observability.metrics import Metrics
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.store import Store

if TYPE_CHECKING:
    from core.checkpoints import SharedEncoders
    from core.predictor import Predictor


class Answer(Protocol):
    """A predictor's answer to one input."""

    @property
    def tokens(self) -> int:
        """Number of tokens of the input."""


class LoadedModel(Protocol):
    """A loaded checkpoint, such as `core.predictor.Predictor`."""

    @property
    def manifest(self) -> CheckpointManifest:
        """Its manifest."""

    @property
    def memory(self) -> Mapping[int, int]:
        """Its blocks of memory, address → bytes; models that share a block report the same address."""

    def read(self, inputs: Sequence[Any]) -> Sequence[Sized]:
        """Tokenise inputs of the model's task, in their order; the length of each is its number of tokens.

        Raises:
            InvalidInput: An input is longer than the model reads; the pointer begins with its index.
        """

    def answer(self, features: Sequence[Sized], *, top_k: int) -> Sequence[Any]:
        """Return an `Answer` for each of the features that `read` returned, in their order."""


Loader = Callable[[Store, CheckpointManifest], LoadedModel]


class TorchLoader:
    """Loads models with torch, which is imported when the first model is loaded.

    Args:
        device: ``auto``, ``cpu``, ``cuda``…
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._lock = Lock()
        self._shared: SharedEncoders | None = None

    def __call__(self, store: Store, manifest: CheckpointManifest) -> LoadedModel:
        """Load a model; an encoder that it shares with a loaded model is held in memory once."""
        from core.checkpoints import SharedEncoders  # noqa: PLC0415  torch takes seconds and 200 MB
        from core.system.devices import resolve_device  # noqa: PLC0415

        with self._lock:
            self._shared = self._shared or SharedEncoders()
        device = resolve_device(self._device)
        return engine().open(store, manifest, device=device, shared=self._shared)


def engine() -> "type[Predictor]":
    """Import and return the predictor class, and torch with it."""
    from core.predictor import Predictor  # noqa: PLC0415  torch takes seconds and 200 MB

    return Predictor


@dataclass(slots=True)
class ModelCache:
    """Loaded models: each is loaded once, and the least recently used are evicted first.

    Attributes:
        store: The store of the checkpoints.
        load: Loads a checkpoint.
        max_bytes: Memory of all models; the one used last stays, however large.
        metrics: Receives the number of models and their memory.
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
        """Return a model if it is loaded, or None; never blocks."""
        with self._lock:
            future = self._models.get((task, checkpoint_id))
            if future is None or not future.done():
                return None
            self._models.move_to_end((task, checkpoint_id))
        return future.result() if future.exception() is None else None

    def get(self, task: TaskName, checkpoint_id: str) -> LoadedModel:
        """Return a model, loading it if needed; concurrent calls wait for the same load.

        Raises:
            NotFound: There is no such checkpoint.
            CorruptArtifact: The checkpoint is damaged.
            StoreUnavailable: The store cannot be read.
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
        """Drop a model whose checkpoint was deleted; passes that use it finish."""
        with self._lock:
            self._models.pop((task, checkpoint_id), None)
            self._report_memory()

    def _fill(self, future: Future[LoadedModel], key: tuple[TaskName, str]) -> None:
        """Load a model for all waiting calls; after a failure the next call tries again."""
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
        """Drop the least recently used models until the rest fits; passes that use them finish."""
        with self._lock:
            for key in list(self._models)[:-1]:
                if self._memory_bytes() <= self.max_bytes:
                    break
                if _memory(self._models[key]):
                    del self._models[key]
                    self.metrics.record_eviction()
            self._report_memory()

    def _report_memory(self) -> None:
        self.metrics.set_loaded_models(models=len(self._models), size_in_bytes=self._memory_bytes())

    def _memory_bytes(self) -> int:
        """Return the memory of all models; shared blocks count once."""
        blocks: dict[int, int] = {}
        for future in self._models.values():
            blocks.update(_memory(future))
        return sum(blocks.values())


def _memory(future: Future[LoadedModel]) -> Mapping[int, int]:
    """Return the memory of a loaded model; none while it is loading."""
    return future.result().memory if future.done() and future.exception() is None else {}
