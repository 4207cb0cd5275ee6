"""Passes of the model that many requests share."""

import threading
from collections.abc import Callable, Coroutine, Sequence, Sized
from typing import Any

import anyio
import pytest
from anyio import CancelScope, create_task_group, to_thread, wait_all_tasks_blocked

from app.inference.batching import Batcher
from core.errors import Overloaded

Ask = Callable[[], Coroutine[Any, Any, None]]


class Model:
    """Answers each text by its first letter; each pass waits until it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.passes: list[list[str]] = []
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.failure: Exception | None = None
        if not held:
            self.gate.set()

    def answer(self, read: Sequence[Sized], *, top_k: int) -> Sequence[Any]:
        texts = [str(text) for text in read]
        self.begun.release()
        assert self.gate.wait(10)
        self.passes.append(texts)
        if self.failure is not None:
            raise self.failure
        return [text[0] * top_k for text in texts]


def batcher(max_tokens: int = 100, max_waiting_tokens: int = 1_000) -> Batcher:
    return Batcher(max_tokens, max_waiting_tokens)


class Asking:
    """Requests side by side, and what came of each."""

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher
        self.answers: dict[str, Any] = {}

    def request(self, name: str, model: Model, *texts: str, top_k: int = 1) -> Ask:
        async def ask() -> None:
            try:
                self.answers[name], _ = await self.batcher.answer(model, texts, top_k=top_k)
            except (RuntimeError, Overloaded) as error:
                self.answers[name] = error

        return ask


def together(asking: Asking, model: Model, first: Ask, *then: Ask) -> None:
    """Begin a pass with one request, let others come, and then let the model go on."""

    async def main() -> None:
        async with create_task_group() as group:
            group.start_soon(first)
            await to_thread.run_sync(model.begun.acquire)
            for one in then:
                group.start_soon(one)
                await anyio.sleep(0.01)
            model.gate.set()

    anyio.run(main)


def test_who_comes_during_a_pass_shares_the_next_one() -> None:
    model, asking = Model(held=True), Asking(batcher())
    together(
        asking,
        model,
        asking.request("a", model, "one"),
        asking.request("b", model, "two", "three"),
        asking.request("c", model, "four"),
    )
    assert model.passes == [["one"], ["two", "three", "four"]]
    assert asking.answers == {"a": ["o"], "b": ["t", "t"], "c": ["f"]}


def test_a_pass_has_no_more_tokens_than_its_budget_but_always_a_text() -> None:
    model, asking = Model(held=True), Asking(batcher(max_tokens=8))
    together(
        asking,
        model,
        asking.request("a", model, "enormous text"),
        asking.request("b", model, "1234", "1234"),
        asking.request("c", model, "12345"),
    )
    assert model.passes == [["enormous text"], ["1234", "1234"], ["12345"]]


def test_a_request_larger_than_the_budget_lets_others_in_between() -> None:
    model, asking = Model(held=True), Asking(batcher(max_tokens=4))
    together(
        asking,
        model,
        asking.request("large", model, "aaaa", "bbbb", "cccc"),
        asking.request("b", model, "dd"),
    )
    assert model.passes == [["aaaa"], ["dd"], ["bbbb"], ["cccc"]]
    assert asking.answers == {"large": ["a", "b", "c"], "b": ["d"]}


def test_models_and_rankings_do_not_mix_and_who_waits_longest_is_next() -> None:
    model, other, asking = Model(held=True), Model(), Asking(batcher())
    together(
        asking,
        model,
        asking.request("a", model, "one"),
        asking.request("b", other, "two"),
        asking.request("c", model, "three", top_k=2),
        asking.request("d", other, "four"),
        asking.request("e", model, "five"),
    )
    assert other.passes == [["two", "four"]]
    assert model.passes == [["one"], ["three"], ["five"]]
    assert asking.answers["c"] == ["tt"]


def test_a_pass_that_fails_fails_for_its_requests_alone() -> None:
    model, other, asking = Model(held=True), Model(), Asking(batcher())
    model.failure = RuntimeError("no memory")
    together(asking, model, asking.request("a", model, "one"), asking.request("b", other, "two"))
    assert str(asking.answers["a"]) == "no memory"
    assert asking.answers["b"] == ["t"]


def test_who_hangs_up_while_waiting_is_dropped() -> None:
    model, asking = Model(held=True), Asking(batcher())

    async def main() -> None:
        async with create_task_group() as group:
            group.start_soon(asking.request("a", model, "one"))
            await to_thread.run_sync(model.begun.acquire)
            with CancelScope() as scope:
                async with create_task_group() as waiting:
                    waiting.start_soon(asking.request("b", model, "two"))
                    await wait_all_tasks_blocked()
                    assert asking.batcher.waiting_tokens == 6
                    scope.cancel()
            assert asking.batcher.waiting_tokens == 3
            group.start_soon(asking.request("c", model, "three"))
            await wait_all_tasks_blocked()
            model.gate.set()

    anyio.run(main)
    assert model.passes == [["one"], ["three"]]
    assert sorted(asking.answers) == ["a", "c"]


def test_who_hangs_up_during_its_pass_does_not_stop_those_behind_it() -> None:
    model, asking = Model(held=True), Asking(batcher())

    async def main() -> None:
        async with create_task_group() as group:
            with CancelScope() as scope:
                async with create_task_group() as gone:
                    gone.start_soon(asking.request("a", model, "one"))
                    await to_thread.run_sync(model.begun.acquire)
                    group.start_soon(asking.request("b", model, "two"))
                    await wait_all_tasks_blocked()
                    model.gate.set()
                    scope.cancel()

    anyio.run(main)
    assert model.passes == [["one"], ["two"]]
    assert asking.answers["b"] == ["t"]


def test_too_much_is_refused_with_the_time_that_what_waits_will_take() -> None:
    seconds = iter([0.0, 2.0, 2.0])
    model, asking = Model(held=True), Asking(Batcher(100, 8, clock=lambda: next(seconds, 2.0)))
    asking.batcher._speed = 3.0
    together(
        asking,
        model,
        asking.request("a", model, "123456"),
        asking.request("b", model, "123"),
        asking.request("c", model, "12"),
    )
    assert isinstance(asking.answers["b"], Overloaded)
    assert asking.answers["b"].retry_after == pytest.approx(6 / 3.0)
    assert asking.answers["c"] == ["1"]


def test_one_alone_is_taken_however_large() -> None:
    model = Model()
    answers, _ = anyio.run(lambda: batcher(max_waiting_tokens=1).answer(model, ["12345"], top_k=1))
    assert answers == ["1"]


def test_the_seconds_told_are_those_of_the_passes_it_took_part_in() -> None:
    ticks = iter(range(100))
    model = Model()
    slow = Batcher(4, 100, clock=lambda: float(next(ticks)))
    _, seconds = anyio.run(lambda: slow.answer(model, ["aaaa", "bbbb"], top_k=1))
    assert model.passes == [["aaaa"], ["bbbb"]]
    assert seconds >= 2


def test_nothing_asked_is_nothing_answered() -> None:
    assert anyio.run(lambda: batcher().answer(Model(), [], top_k=1)) == ([], 0.0)
