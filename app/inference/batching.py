"""Dynamic batching: one forward pass at a time on a device, with as many inputs as a token budget allows.

Requests that arrive during a pass join the next one, so that batches grow with the load and a single client
never waits for others. There is no background task: the request that has waited longest runs the next pass,
for itself and for all others of the same model. A request larger than the budget takes several passes,
between which other requests are served.

All passes run in one thread: every thread that computes has its own OpenMP team, and with more teams than
cores OpenMP no longer waits actively, which made passes of few texts a third slower.
"""

import time
from asyncio import get_running_loop
from collections.abc import Callable, Iterator, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from anyio import CancelScope, Event, sleep

from core.errors import Overloaded

MAX_WAIT_SECONDS: Final = 0.002
"""Time that a pass waits for requests whose inputs are being tokenised."""

FIRST_SPEED: Final = 2_000.0
"""Tokens per second that are assumed before the first pass was measured."""

NEW_SHARE: Final = 0.2
"""Weight of the latest pass in the moving average of the speed."""


class BatchModel(Protocol):
    """A model that predicts batches of tokenised inputs."""

    def answer(self, inputs: Sequence[Sized], /, *, top_k: int) -> Sequence[Any]:
        """Predict inputs that this model tokenised, in order; the length of an input is its tokens."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """The inputs of one request for one model.

    Attributes:
        model: The model.
        top_k: Number of ranked alternatives in each prediction.
        inputs: The tokenised inputs.
        answers: The predictions so far, in order.
        seconds: Duration of the passes that it took part in.
        woken: Set when it is complete, or runs the next pass.
        failure: The error of its pass.
    """

    model: BatchModel
    top_k: int
    inputs: Sequence[Sized]
    answers: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    woken: Event = field(default_factory=Event)
    failure: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether the request is complete or has failed."""
        return self.failure is not None or len(self.answers) == len(self.inputs)

    @property
    def rest(self) -> Sequence[Sized]:
        """The inputs without a prediction."""
        return self.inputs[len(self.answers) :]


@dataclass(slots=True)
class Batcher:
    """Batches the predictions of all models of one device.

    Attributes:
        max_tokens: Token budget of one pass.
        max_waiting_tokens: Tokens that may wait; requests beyond are refused.
        passed: Called after each pass with the model, the number of inputs, their tokens and the seconds.
        clock: Returns seconds; tests replace it.
    """

    max_tokens: int
    max_waiting_tokens: int
    passed: Callable[[Any, int, int, float], None] = lambda *_: None
    clock: Callable[[], float] = time.perf_counter
    _queue: list[_Waiting] = field(default_factory=list, init=False)
    _leader: _Waiting | None = field(default=None, init=False)
    _announced: int = field(default=0, init=False)
    _speed: float = field(default=FIRST_SPEED, init=False)
    _device: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "pass"), init=False)

    @property
    def waiting_tokens(self) -> int:
        """Tokens of inputs without a prediction, those of the running pass included."""
        return sum(_tokens(waiting.rest) for waiting in self._queue)

    @contextmanager
    def tokenising(self) -> Iterator[None]:
        """Announce a request while its inputs are tokenised: the next pass may wait a moment for it."""
        self._announced += 1
        try:
            yield
        finally:
            self._announced -= 1

    async def answer(
        self, model: BatchModel, inputs: Sequence[Sized], *, top_k: int
    ) -> tuple[Sequence[Any], float]:
        """Predict inputs, in order.

        A request that is cancelled while it waits leaves the queue at once.

        Args:
            model: The model, which tokenised the inputs.
            inputs: The tokenised inputs.
            top_k: Number of ranked alternatives in each prediction.

        Returns:
            The predictions, and the seconds of their passes.

        Raises:
            Overloaded: Too many tokens are waiting.
        """
        self.admit(_tokens(inputs))
        waiting = _Waiting(model, top_k, inputs)
        self._queue.append(waiting)
        self._leader = self._leader or waiting
        try:
            while not waiting.done:
                if self._leader is waiting:
                    await self._lead()
                else:
                    await waiting.woken.wait()
                    waiting.woken = Event()
        finally:
            if waiting in self._queue:
                self._queue.remove(waiting)
            if self._leader is waiting:
                self._pass_on()
        if waiting.failure is not None:
            raise waiting.failure
        return waiting.answers, waiting.seconds

    def admit(self, tokens: int) -> None:
        """Refuse a request if too many tokens are waiting; if none are, a request of any size is admitted.

        Args:
            tokens: Lower bound of the tokens of the request.

        Raises:
            Overloaded: Too many tokens are waiting, with the seconds until they will have been processed.
        """
        waiting = self.waiting_tokens
        if waiting and waiting + tokens > self.max_waiting_tokens:
            raise Overloaded(
                f"{waiting} tokens are waiting already, of at most {self.max_waiting_tokens}",
                retry_after=waiting / self._speed,
            )

    async def _lead(self) -> None:
        """Run one pass and hand over to the next leader; a pass that has begun is not cancelled."""
        if self._announced:
            await sleep(MAX_WAIT_SECONDS)
        batch = self._gather()
        started_at = self.clock()
        with CancelScope(shield=True):
            try:
                answers = await get_running_loop().run_in_executor(self._device, _answers, batch)
            except Exception as error:  # noqa: BLE001 - each of the requests raises it
                for waiting, _ in batch:
                    waiting.failure = error
            else:
                seconds = self.clock() - started_at
                self._measure(batch, seconds)
                _distribute(batch, answers, seconds)
        self._requeue([waiting for waiting, _ in batch])
        self._pass_on()

    def _gather(self) -> list[tuple[_Waiting, Sequence[Sized]]]:
        """Return the inputs of the next pass: those of the oldest request, then of others of its model."""
        first = self._queue[0]
        batch: list[tuple[_Waiting, Sequence[Sized]]] = []
        budget = self.max_tokens
        for waiting in self._queue:
            if waiting.model is not first.model or waiting.top_k != first.top_k:
                continue
            part = _fitting(waiting.rest, budget, at_least=0 if batch else 1)
            if not part:
                break
            batch.append((waiting, part))
            budget -= _tokens(part)
        return batch

    def _measure(self, batch: Sequence[tuple[_Waiting, Sequence[Sized]]], seconds: float) -> None:
        """Report a pass, and update the speed by it."""
        tokens = sum(_tokens(part) for _, part in batch)
        self._speed += NEW_SHARE * (tokens / max(seconds, 1e-6) - self._speed)
        self.passed(batch[0][0].model, sum(len(part) for _, part in batch), tokens, seconds)

    def _requeue(self, requests: Sequence[_Waiting]) -> None:
        """Wake the requests that are complete, and move the others to the end of the queue."""
        for waiting in requests:
            if waiting not in self._queue:
                continue  # it was cancelled meanwhile
            self._queue.remove(waiting)
            if waiting.done:
                waiting.woken.set()
            else:
                self._queue.append(waiting)

    def _pass_on(self) -> None:
        """Make the request that has waited longest run the next pass."""
        self._leader = self._queue[0] if self._queue else None
        if self._leader is not None:
            self._leader.woken.set()


def _tokens(inputs: Sequence[Sized]) -> int:
    return sum(map(len, inputs))


def _fitting(inputs: Sequence[Sized], budget: int, *, at_least: int) -> Sequence[Sized]:
    """Return the first inputs that fit a token budget."""
    count = 0
    for item in inputs:
        budget -= len(item)
        if budget < 0 and count >= at_least:
            break
        count += 1
    return inputs[:count]


def _answers(batch: Sequence[tuple[_Waiting, Sequence[Sized]]]) -> Sequence[Any]:
    """Run the forward pass of a batch, in the thread of the device."""
    first, _ = batch[0]
    return first.model.answer([item for _, part in batch for item in part], top_k=first.top_k)


def _distribute(
    batch: Sequence[tuple[_Waiting, Sequence[Sized]]], answers: Sequence[Any], seconds: float
) -> None:
    """Add the predictions of a batch to its requests."""
    position = 0
    for waiting, part in batch:
        waiting.answers.extend(answers[position : position + len(part)])
        waiting.seconds += seconds
        position += len(part)
