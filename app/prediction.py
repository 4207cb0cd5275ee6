"""Predictions in several languages at once: each part goes to its model, all come back in order."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from anyio import CapacityLimiter, to_thread

from app.answers import Usage
from app.serving import Answer, LiveDeployments, LoadedModel, LoadedModels, is_adapted
from core.contracts.values import TaskName
from core.errors import Fault, InvalidInput, ModelUnavailable, NotFound

ResponseT = TypeVar("ResponseT")


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


@dataclass(frozen=True, slots=True)
class Form(Generic[ResponseT]):
    """How one task is asked and answered.

    Attributes:
        task: Whose models answer.
        field: The request's list of what is asked; each item has a `language` of its own or None.
        asked: Item → what the model is asked.
        told: (item, answer, language, whether adapted) → the prediction.
        response: (predictions, checkpoints, usage) → what the client is answered.
    """

    task: TaskName
    field: str
    asked: Callable[[Any], Any]
    told: Callable[[Any, Any, str, bool], Any]
    response: Callable[[tuple[Any, ...], dict[str, str], Usage], ResponseT]


@dataclass(slots=True)
class Desk(Generic[ResponseT]):
    """Takes requests for predictions of one task, and gives each its turn.

    Attributes:
        form: How the task is asked and answered.
        live: Knows which checkpoint serves a language.
        models: The models in memory.
        turns: Forward passes at once; a thread for each.
        max_waiting: Requests that may wait for a turn.
    """

    form: Form[ResponseT]
    live: LiveDeployments
    models: LoadedModels
    turns: CapacityLimiter
    max_waiting: int

    async def predict(self, request: Request) -> ResponseT:
        """Answer everything that a request asks.

        Raises:
            InvalidInput: An item has no language, or is too long for its model.
            NotFound: There is no checkpoint of the name asked for.
            ModelUnavailable: No model serves, or too many requests wait.
        """
        items = getattr(request, self.form.field)
        batch = _Batch(self.form, request, items, item_languages(items, request.language, self.form.field))
        if self.turns.statistics().tasks_waiting >= self.max_waiting:
            raise ModelUnavailable(f"{self.max_waiting} predictions are waiting already; try again")
        asked = time.perf_counter()
        return await to_thread.run_sync(self._answer, batch, asked, limiter=self.turns)

    def _answer(self, batch: "_Batch", asked: float) -> ResponseT:
        """Answer in a thread: the models are loaded here, and computed with."""
        began = time.perf_counter()
        checkpoints = self._checkpoints(batch)
        models = {checkpoint: self._model(checkpoint, batch.request) for checkpoint in checkpoints.values()}
        batch.answer(models, checkpoints)
        usage = Usage(
            tokens=sum(answer.tokens for answer in batch.answers.values()),
            queue_ms=round(1000 * (began - asked), 3),
            inference_ms=round(1000 * (time.perf_counter() - began), 3),
        )
        return self.form.response(batch.predictions(models, checkpoints), checkpoints, usage)

    def _checkpoints(self, batch: "_Batch") -> dict[str, str]:
        """Return the checkpoint for each language of a request."""
        wanted = batch.request.checkpoint
        return {
            language: wanted or self.live.checkpoint_for(self.form.task, language)
            for language in dict.fromkeys(batch.languages)
        }

    def _model(self, checkpoint: str, request: Request) -> LoadedModel:
        """Return a model; one that is deployed and not there is our fault, not the client's."""
        try:
            return self.models.get(self.form.task, checkpoint)
        except NotFound as error:
            if request.checkpoint is not None:
                raise
            raise ModelUnavailable(
                f"checkpoint {checkpoint} is deployed, but the store has lost it"
            ) from error


@dataclass(slots=True)
class _Batch:
    """What one request asks, and the answers by index."""

    form: Form[Any]
    request: Request
    items: Sequence[Any]
    languages: Sequence[str]
    answers: dict[int, Answer] = field(default_factory=dict)

    def answer(self, models: Mapping[str, LoadedModel], checkpoints: Mapping[str, str]) -> None:
        """Let each model answer its share.

        Raises:
            InvalidInput: Everything that is too long for its model.
        """
        shares: dict[str, list[int]] = defaultdict(list)
        for index, language in enumerate(self.languages):
            shares[checkpoints[language]].append(index)
        faults: list[Fault] = []
        for checkpoint, indices in shares.items():
            asked = [self.form.asked(self.items[index]) for index in indices]
            try:
                answers = models[checkpoint].predict(asked, top_k=self.request.top_k)
            except InvalidInput as error:
                faults.extend(self._placed(fault, indices) for fault in error.faults)
            else:
                self.answers.update(zip(indices, answers, strict=True))
        if faults:
            raise InvalidInput(faults)

    def predictions(
        self, models: Mapping[str, LoadedModel], checkpoints: Mapping[str, str]
    ) -> tuple[Any, ...]:
        """Return the answers in the order of the request."""
        adapted = {
            language: is_adapted(models[checkpoint].manifest, language)
            for language, checkpoint in checkpoints.items()
        }
        return tuple(
            self.form.told(item, self.answers[index], language, adapted[language])
            for index, (item, language) in enumerate(zip(self.items, self.languages, strict=True))
        )

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
