"""Predictions in several languages at once: each part goes to its model, all come back in order."""

import time
from asyncio import get_running_loop
from collections import defaultdict
from collections.abc import Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol

from anyio import Event, to_thread

from app.inference.batching import Batcher
from app.inference.deployment_cache import DeploymentCache, is_adapted
from app.inference.model_cache import Answer, LoadedModel, ModelCache
from app.inference.task_adapter import Form, ResponseT
from app.observability.metrics import Metrics
from app.schemas.responses import Usage
from core.errors import Fault, InvalidInput, ModelUnavailable, NotFound, Overloaded

AT_ONCE: Final = 1_000
"""Characters that are tokenised in half a millisecond or so."""


class Request(Protocol):
    """What every request for predictions has."""

    @property
    def language(self) -> str | None:
        """Of everything asked that does not tell its own."""

    @property
    def checkpoint(self) -> str | None:
        """Answers in place of whatever serves the language."""

    @property
    def top_k(self) -> int:
        """How many answers to rank."""


@dataclass(slots=True)
class PredictionService(Generic[ResponseT]):
    """Takes requests for predictions of one task, and gives each its turn.

    Attributes:
        form: How the task is asked and answered.
        live: Knows which checkpoint serves a language.
        models: The models in memory.
        batcher: Computes, for every desk of the device.
        metrics: Told of everything.
    """

    form: Form[ResponseT]
    live: DeploymentCache
    models: ModelCache
    batcher: Batcher
    metrics: Metrics
    _loads: dict[str, "_Load"] = field(default_factory=dict, init=False)

    async def predict(self, request: Request) -> ResponseT:
        """Answer everything that a request asks.

        Raises:
            InvalidInput: An item has no language, or is too long for its model.
            NotFound: There is no checkpoint of the name asked for.
            ModelUnavailable: No model serves.
            Overloaded: Too many requests wait.
        """
        items = getattr(request, self.form.field)
        work = _Work(self.form, request, items, item_languages(items, request.language, self.form.field))
        asked = time.perf_counter()
        try:
            self.batcher.admit(len(items))
            while missing := await self._read(work):
                work.models[missing] = await self._load(missing, request)
            for share in work.shares:
                await self._answer(share, work)
        except Overloaded:
            self.metrics.refused(task=self.form.task, reason="overloaded")
            raise
        usage = Usage(
            tokens=sum(answer.tokens for share in work.shares for answer in share.answers),
            queue_ms=round(1000 * (time.perf_counter() - asked - work.seconds), 3),
            inference_ms=round(1000 * work.seconds, 3),
        )
        return self.form.response(work.predictions(), work.checkpoints, usage)

    async def _answer(self, share: "_Share", work: "_Work") -> None:
        """Let a model answer what it has read, when it is its turn."""
        task, began = self.form.task, time.perf_counter()
        with self.metrics.queued(task=task, items=len(share.read), tokens=sum(map(len, share.read))):
            share.answers, seconds = await self.batcher.answer(
                share.model, share.read, top_k=work.request.top_k
            )
        work.seconds += seconds
        self.metrics.waited(task=task, seconds=max(0.0, time.perf_counter() - began - seconds))

    async def _read(self, work: "_Work") -> str | None:
        """Tokenise what is asked, or return a checkpoint that has to be loaded for it.

        What is short is read at once: to hand it to a thread takes longer than to read it, and every
        thread that is awake keeps the one that computes from Python's lock.
        """
        if work.characters <= AT_ONCE and self._knows(work):
            return self._read_now(work)
        with self.batcher.reading():
            return await to_thread.run_sync(self._read_now, work)

    def _knows(self, work: "_Work") -> bool:
        """Whether the store need not be asked who answers."""
        if (wanted := work.request.checkpoint) is not None:
            return self.live.recently_there(self.form.task, wanted)
        return all(self.live.knows(self.form.task, language) for language in set(work.languages))

    def _read_now(self, work: "_Work") -> str | None:
        began = time.perf_counter()
        wanted = work.request.checkpoint
        if wanted is not None:
            self.live.require(self.form.task, wanted)
        work.checkpoints = {
            language: wanted or self.live.checkpoint_for(self.form.task, language)
            for language in dict.fromkeys(work.languages)
        }
        missing = None
        for checkpoint in work.checkpoints.values():
            if model := work.models.get(checkpoint) or self.models.loaded(self.form.task, checkpoint):
                work.models[checkpoint] = model
            else:
                missing = checkpoint
        if missing is None:
            work.read()
            self.metrics.cache_hit()
            self.metrics.tokenised(task=self.form.task, seconds=time.perf_counter() - began)
        work.seconds += time.perf_counter() - began
        return missing

    async def _load(self, checkpoint: str, request: Request) -> LoadedModel:
        """Load a model; who comes meanwhile waits for the same load, and holds no thread.

        Raises:
            NotFound: There is no checkpoint of the name asked for.
            ModelUnavailable: One that is deployed is not there: our fault, not the client's.
        """
        self.metrics.cache_miss()
        load = self._loads.get(checkpoint)
        if load is None:
            load = self._loads[checkpoint] = _Load()
            # A thread that ends with the load, and with it its OpenMP team (see `app.inference.batching`).
            thread = ThreadPoolExecutor(1, "load")
            try:
                load.model = await get_running_loop().run_in_executor(
                    thread, self.models.get, self.form.task, checkpoint
                )
            except Exception as error:  # noqa: BLE001 - raised below, for all who wait
                load.failure = error
            finally:
                thread.shutdown(wait=False)
                del self._loads[checkpoint]
                load.done.set()
        else:
            await load.done.wait()
        if isinstance(load.failure, NotFound) and request.checkpoint is None:
            raise ModelUnavailable(
                f"checkpoint {checkpoint} is deployed, but the store has lost it"
            ) from load.failure
        if load.failure is not None:
            raise load.failure
        if load.model is None:  # who loaded it hung up; whoever waits begins anew
            return await self._load(checkpoint, request)
        return load.model


@dataclass(slots=True)
class _Load:
    """A model on its way."""

    done: Event = field(default_factory=Event)
    model: LoadedModel | None = None
    failure: Exception | None = None


@dataclass(slots=True)
class _Share:
    """What one model answers of a request.

    Attributes:
        model: It reads and answers.
        indices: Of the request's items.
        read: The items, tokenised.
        answers: In the order of the items.
    """

    model: LoadedModel
    indices: Sequence[int]
    read: Sequence[Sized] = ()
    answers: Sequence[Answer] = ()


@dataclass(slots=True)
class _Work:
    """What one request asks, and what has come of it.

    Attributes:
        checkpoints: Language → the checkpoint that answers it.
        models: Checkpoint → its model, held here until all is answered, whatever goes from memory.
        shares: One for each model.
        seconds: Of reading and of the passes.
    """

    form: Form[Any]
    request: Request
    items: Sequence[Any]
    languages: Sequence[str]
    checkpoints: dict[str, str] = field(default_factory=dict)
    models: dict[str, LoadedModel] = field(default_factory=dict)
    shares: list[_Share] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def characters(self) -> int:
        """Length of all that is asked."""
        return sum(self.form.characters(item) for item in self.items)

    def read(self) -> None:
        """Let each model tokenise its share.

        Raises:
            InvalidInput: Everything that is too long for its model.
        """
        indices: dict[str, list[int]] = defaultdict(list)
        for index, language in enumerate(self.languages):
            indices[self.checkpoints[language]].append(index)
        self.shares = [_Share(self.models[checkpoint], of_model) for checkpoint, of_model in indices.items()]
        faults: list[Fault] = []
        for share in self.shares:
            try:
                share.read = share.model.read([self.form.asked(self.items[index]) for index in share.indices])
            except InvalidInput as error:
                faults.extend(self._placed(fault, share.indices) for fault in error.faults)
        if faults:
            raise InvalidInput(faults)

    def predictions(self) -> tuple[Any, ...]:
        """Return the answers in the order of the request."""
        answered = {
            index: (answer, share.model.manifest)
            for share in self.shares
            for index, answer in zip(share.indices, share.answers, strict=True)
        }
        told = []
        for index, (item, language) in enumerate(zip(self.items, self.languages, strict=True)):
            answer, manifest = answered[index]
            told.append(self.form.told(item, answer, language, is_adapted(manifest, language)))
        return tuple(told)

    def _placed(self, fault: Fault, indices: Sequence[int]) -> Fault:
        """Return a model's fault with its place in the request: /1/question → /questions/7/question."""
        index, _, rest = fault.pointer.removeprefix("/").partition("/")
        return Fault(f"/{self.form.field}/{indices[int(index)]}{rest and f'/{rest}'}", fault.detail)


def item_languages(items: Sequence[Any], language: str | None, name: str) -> list[str]:
    """Return the language of each item: its own, or else the request's.

    Args:
        items: What is asked.
        language: The request's.
        name: The request's name for the items.

    Raises:
        InvalidInput: Every item without either.
    """
    found = [item.language or language for item in items]
    faults = [
        Fault(f"/{name}/{index}", "no language: neither this one nor the request has one")
        for index, one in enumerate(found)
        if one is None
    ]
    if faults:
        raise InvalidInput(faults)
    return [one for one in found if one is not None]
