"""One model pass at a time on a device, each of as many waiting texts as a budget of tokens allows.

Whoever comes while a pass runs is a part of the next one, so that batches grow with the load and a client
that is alone waits for nobody. There is no task in the background: the request that has waited longest leads
the next pass, for itself and for all others of the same model. A request larger than the budget is answered
in several passes, between which others have their turn.

All passes run in one and the same thread: each thread that computes has a team of OpenMP's of its own, and
with more of them than cores OpenMP no longer waits actively, which made passes of few texts a third slower.
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
"""How long a pass waits for requests whose texts are being tokenised at that moment."""

FIRST_SPEED: Final = 2_000.0
"""Tokens a second that are believed before the first pass was measured."""

NEW_SHARE: Final = 0.2
"""What the latest pass counts for in the measured speed."""


class Answering(Protocol):
    """A model that answers what it has read."""

    def answer(self, read: Sequence[Sized], *, top_k: int) -> Sequence[Any]:
        """Answer, in order, what this model read; the length of each is its tokens."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """One request's texts for one model.

    Attributes:
        model: Which answers.
        top_k: Answers to rank.
        read: What is asked, tokenised.
        answers: Those given so far, in order.
        seconds: Of the passes that it took part in.
        woken: Set when it is answered, or leads the next pass.
        failure: Why its pass failed.
    """

    model: Answering
    top_k: int
    read: Sequence[Sized]
    answers: list[Any] = field(default_factory=list)
    seconds: float = 0.0
    woken: Event = field(default_factory=Event)
    failure: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left to answer."""
        return self.failure is not None or len(self.answers) == len(self.read)

    @property
    def rest(self) -> Sequence[Sized]:
        """What is not answered yet."""
        return self.read[len(self.answers) :]


@dataclass(slots=True)
class Batcher:
    """Answers for all models of one device.

    Attributes:
        max_tokens: Of one pass.
        max_waiting_tokens: That may wait, beyond which requests are refused.
        passed: Told of each pass: the model, its texts, their tokens, its seconds.
        clock: Seconds, for the tests.
    """

    max_tokens: int
    max_waiting_tokens: int
    passed: Callable[[Any, int, int, float], None] = lambda *_: None
    clock: Callable[[], float] = time.perf_counter
    _queue: list[_Waiting] = field(default_factory=list, init=False)
    _leader: _Waiting | None = field(default=None, init=False)
    _reading: int = field(default=0, init=False)
    _speed: float = field(default=FIRST_SPEED, init=False)
    _device: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "pass"), init=False)

    @property
    def waiting_tokens(self) -> int:
        """Tokens that are not answered yet, those of the pass that runs included."""
        return sum(_tokens(waiting.rest) for waiting in self._queue)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Tell that somebody is about to ask: the next pass may wait a moment for it."""
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1

    async def answer(
        self, model: Answering, read: Sequence[Sized], *, top_k: int
    ) -> tuple[Sequence[Any], float]:
        """Answer, in order, what a model read.

        Who is cancelled while it waits leaves the queue at once.

        Args:
            model: It answers what it has read itself.
            read: What is asked.
            top_k: Answers to rank.

        Returns:
            The answers, and the seconds of the passes they are from.

        Raises:
            Overloaded: Too much waits already.
        """
        self.admit(_tokens(read))
        waiting = _Waiting(model, top_k, read)
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
        """Refuse what would wait behind too much; alone, anything is taken.

        Args:
            tokens: What is asked has at least so many.

        Raises:
            Overloaded: With the seconds until what waits will have been answered.
        """
        waiting = self.waiting_tokens
        if waiting and waiting + tokens > self.max_waiting_tokens:
            raise Overloaded(
                f"{waiting} tokens are waiting already, of at most {self.max_waiting_tokens}",
                retry_after=waiting / self._speed,
            )

    async def _lead(self) -> None:
        """Run one pass, and let who waits longest lead the next; once begun, it is not cancelled."""
        if self._reading:
            await sleep(MAX_WAIT_SECONDS)
        batch = self._gather()
        began = self.clock()
        with CancelScope(shield=True):
            try:
                answers = await get_running_loop().run_in_executor(self._device, _answers, batch)
            except Exception as error:  # noqa: BLE001 - each of the requests raises it
                for waiting, _ in batch:
                    waiting.failure = error
            else:
                seconds = self.clock() - began
                self._measure(batch, seconds)
                _deal_out(batch, answers, seconds)
        self._settle([waiting for waiting, _ in batch])
        self._pass_on()

    def _gather(self) -> list[tuple[_Waiting, Sequence[Sized]]]:
        """Return the texts of the next pass: the oldest request's, and others of its model, in turn."""
        first = self._queue[0]
        batch: list[tuple[_Waiting, Sequence[Sized]]] = []
        left = self.max_tokens
        for waiting in self._queue:
            if waiting.model is not first.model or waiting.top_k != first.top_k:
                continue
            taken = _fitting(waiting.rest, left, at_least=0 if batch else 1)
            if not taken:
                break
            batch.append((waiting, taken))
            left -= _tokens(taken)
        return batch

    def _measure(self, batch: Sequence[tuple[_Waiting, Sequence[Sized]]], seconds: float) -> None:
        """Tell of a pass, and learn from it how fast they are."""
        tokens = sum(_tokens(taken) for _, taken in batch)
        self._speed += NEW_SHARE * (tokens / max(seconds, 1e-6) - self._speed)
        self.passed(batch[0][0].model, sum(len(taken) for _, taken in batch), tokens, seconds)

    def _settle(self, asked: Sequence[_Waiting]) -> None:
        """Wake who is answered, and put who is not behind all others."""
        for waiting in asked:
            if waiting not in self._queue:
                continue  # it went away meanwhile
            self._queue.remove(waiting)
            if waiting.done:
                waiting.woken.set()
            else:
                self._queue.append(waiting)

    def _pass_on(self) -> None:
        """Let who waits longest lead the next pass."""
        self._leader = self._queue[0] if self._queue else None
        if self._leader is not None:
            self._leader.woken.set()


def _tokens(texts: Sequence[Sized]) -> int:
    return sum(map(len, texts))


def _fitting(texts: Sequence[Sized], budget: int, *, at_least: int) -> Sequence[Sized]:
    """Return the first texts that fit a budget of tokens."""
    count = 0
    for text in texts:
        budget -= len(text)
        if budget < 0 and count >= at_least:
            break
        count += 1
    return texts[:count]


def _answers(batch: Sequence[tuple[_Waiting, Sequence[Sized]]]) -> Sequence[Any]:
    """Pass a batch through its model, in a thread."""
    first, _ = batch[0]
    return first.model.answer([text for _, taken in batch for text in taken], top_k=first.top_k)


def _deal_out(
    batch: Sequence[tuple[_Waiting, Sequence[Sized]]], answers: Sequence[Any], seconds: float
) -> None:
    """Give every request its answers."""
    done = 0
    for waiting, taken in batch:
        waiting.answers.extend(answers[done : done + len(taken)])
        waiting.seconds += seconds
        done += len(taken)
