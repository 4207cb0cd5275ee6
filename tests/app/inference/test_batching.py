"""Forward passes that several requests share."""

import threading
from collections.abc import Callable, Coroutine, Sequence, Sized
from typing import Any

import anyio
import pytest
from anyio import CancelScope, create_task_group, to_thread, wait_all_tasks_blocked

from app.inference.batching import Batcher
from core.errors import Overloaded

Request = Callable[[], Coroutine[Any, Any, None]]


class Model:
    """Predicts the first letter of each text; a blocked model waits in each pass until its gate is opened."""

    def __init__(self, *, is_blocked: bool = False) -> None:
        self.passes: list[list[str]] = []
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.failure: Exception | None = None
        if not is_blocked:
            self.gate.set()

    def answer(self, inputs: Sequence[Sized], /, *, top_k: int) -> Sequence[Any]:
        texts = [str(text) for text in inputs]
        self.begun.release()
        assert self.gate.wait(10)
        self.passes.append(texts)
        if self.failure is not None:
            raise self.failure
        return [text[0] * top_k for text in texts]


def batcher(max_tokens: int = 100, max_waiting_tokens: int = 1_000) -> Batcher:
    return Batcher(max_tokens, max_waiting_tokens)


class Requests:
    """Concurrent requests, and their answers or errors by name."""

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher
        self.answers: dict[str, Any] = {}

    def request(self, name: str, model: Model, *texts: str, top_k: int = 1) -> Request:
        async def send() -> None:
            try:
                self.answers[name], _ = await self.batcher.answer(model, texts, top_k=top_k)
            except (RuntimeError, Overloaded) as error:
                self.answers[name] = error

        return send


def together(requests: Requests, model: Model, first: Request, *others: Request) -> None:
    """Start a pass with one request, add others while it runs, then open the gate of the model."""

    async def main() -> None:
        async with create_task_group() as group:
            group.start_soon(first)
            await to_thread.run_sync(model.begun.acquire)
            for other in others:
                group.start_soon(other)
                await anyio.sleep(0.01)
            model.gate.set()

    anyio.run(main)


def test_batcher_merges_requests_that_arrive_during_a_pass() -> None:
    model, requests = Model(is_blocked=True), Requests(batcher())
    together(
        requests,
        model,
        requests.request("a", model, "one"),
        requests.request("b", model, "two", "three"),
        requests.request("c", model, "four"),
    )
    assert model.passes == [["one"], ["two", "three", "four"]]
    assert requests.answers == {"a": ["o"], "b": ["t", "t"], "c": ["f"]}


def test_batcher_fills_a_pass_up_to_the_budget_with_at_least_one_text() -> None:
    model, requests = Model(is_blocked=True), Requests(batcher(max_tokens=8))
    together(
        requests,
        model,
        requests.request("a", model, "enormous text"),
        requests.request("b", model, "1234", "1234"),
        requests.request("c", model, "12345"),
    )
    assert model.passes == [["enormous text"], ["1234", "1234"], ["12345"]]


def test_batcher_serves_others_between_the_passes_of_a_large_request() -> None:
    model, requests = Model(is_blocked=True), Requests(batcher(max_tokens=4))
    together(
        requests,
        model,
        requests.request("large", model, "aaaa", "bbbb", "cccc"),
        requests.request("b", model, "dd"),
    )
    assert model.passes == [["aaaa"], ["dd"], ["bbbb"], ["cccc"]]
    assert requests.answers == {"large": ["a", "b", "c"], "b": ["d"]}


def test_batcher_separates_models_and_top_k_and_serves_the_oldest_first() -> None:
    model, other, requests = Model(is_blocked=True), Model(), Requests(batcher())
    together(
        requests,
        model,
        requests.request("a", model, "one"),
        requests.request("b", other, "two"),
        requests.request("c", model, "three", top_k=2),
        requests.request("d", other, "four"),
        requests.request("e", model, "five"),
    )
    assert other.passes == [["two", "four"]]
    assert model.passes == [["one"], ["three"], ["five"]]
    assert requests.answers["c"] == ["tt"]


def test_batcher_fails_only_the_requests_of_a_failed_pass() -> None:
    model, other, requests = Model(is_blocked=True), Model(), Requests(batcher())
    model.failure = RuntimeError("no memory")
    together(requests, model, requests.request("a", model, "one"), requests.request("b", other, "two"))
    assert str(requests.answers["a"]) == "no memory"
    assert requests.answers["b"] == ["t"]


def test_batcher_drops_requests_that_are_cancelled_while_waiting() -> None:
    model, requests = Model(is_blocked=True), Requests(batcher())

    async def main() -> None:
        async with create_task_group() as group:
            group.start_soon(requests.request("a", model, "one"))
            await to_thread.run_sync(model.begun.acquire)
            with CancelScope() as scope:
                async with create_task_group() as waiting:
                    waiting.start_soon(requests.request("b", model, "two"))
                    await wait_all_tasks_blocked()
                    assert requests.batcher.waiting_tokens == 6
                    scope.cancel()
            assert requests.batcher.waiting_tokens == 3
            group.start_soon(requests.request("c", model, "three"))
            await wait_all_tasks_blocked()
            model.gate.set()

    anyio.run(main)
    assert model.passes == [["one"], ["three"]]
    assert sorted(requests.answers) == ["a", "c"]


def test_batcher_continues_when_a_request_is_cancelled_during_its_pass() -> None:
    model, requests = Model(is_blocked=True), Requests(batcher())

    async def main() -> None:
        async with create_task_group() as group:
            with CancelScope() as scope:
                async with create_task_group() as cancelled:
                    cancelled.start_soon(requests.request("a", model, "one"))
                    await to_thread.run_sync(model.begun.acquire)
                    group.start_soon(requests.request("b", model, "two"))
                    await wait_all_tasks_blocked()
                    model.gate.set()
                    scope.cancel()

    anyio.run(main)
    assert model.passes == [["one"], ["two"]]
    assert requests.answers["b"] == ["t"]


def test_batcher_refuses_an_overload_with_retry_after() -> None:
    seconds = iter([0.0, 2.0, 2.0])
    model, requests = Model(is_blocked=True), Requests(Batcher(100, 8, clock=lambda: next(seconds, 2.0)))
    requests.batcher._speed = 3.0
    together(
        requests,
        model,
        requests.request("a", model, "123456"),
        requests.request("b", model, "123"),
        requests.request("c", model, "12"),
    )
    assert isinstance(requests.answers["b"], Overloaded)
    assert requests.answers["b"].retry_after == pytest.approx(6 / 3.0)
    assert requests.answers["c"] == ["1"]


def test_batcher_admits_a_single_request_of_any_size() -> None:
    model = Model()
    answers, _ = anyio.run(lambda: batcher(max_waiting_tokens=1).answer(model, ["12345"], top_k=1))
    assert answers == ["1"]


def test_batcher_returns_the_seconds_of_the_requests_passes() -> None:
    ticks = iter(range(100))
    model = Model()
    slow = Batcher(4, 100, clock=lambda: float(next(ticks)))
    _, seconds = anyio.run(lambda: slow.answer(model, ["aaaa", "bbbb"], top_k=1))
    assert model.passes == [["aaaa"], ["bbbb"]]
    assert seconds >= 2


def test_batcher_returns_nothing_for_no_inputs() -> None:
    assert anyio.run(lambda: batcher().answer(Model(), [], top_k=1)) == ([], 0.0)
