"""The operations of the API, each described once for both clients."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, overload

from xmetra_client import registry_requests, requests
from xmetra_client.jobs import AsyncJob, Job
from xmetra_client.models import JobAccepted
from xmetra_client.request import Request
from xmetra_client.transport import AsyncTransport, SyncTransport

ParametersT = ParamSpec("ParametersT")
ResponseT = TypeVar("ResponseT")


class operation(Generic[ParametersT, ResponseT]):  # noqa: N801  used like a decorator
    """A method of both clients that sends one request.

    A `Client` returns the value, an `AsyncClient` a coroutine of it.

    Args:
        build: Returns the request; its parameters and its docstring are those of the method.
    """

    def __init__(self, build: Callable[ParametersT, Request[ResponseT]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Callable[ParametersT, Request[ResponseT]]: ...
    @overload
    def __get__(self, client: SyncTransport, owner: type) -> Callable[ParametersT, ResponseT]: ...
    @overload
    def __get__(
        self, client: AsyncTransport, owner: type
    ) -> Callable[ParametersT, Coroutine[Any, Any, ResponseT]]: ...
    def __get__(self, client: SyncTransport | AsyncTransport | None, owner: type) -> Any:
        """Return the method of a client; of the class, the function that builds the request."""
        return self._build if client is None else bound_method(self._build, client)


class submission(Generic[ParametersT]):  # noqa: N801  used like a decorator
    """An `operation` that creates a job and returns its handle: `Job` or `AsyncJob`."""

    def __init__(self, build: Callable[ParametersT, Request[JobAccepted]]) -> None:
        self._build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Callable[ParametersT, Request[JobAccepted]]: ...
    @overload
    def __get__(self, client: SyncTransport, owner: type) -> Callable[ParametersT, Job]: ...
    @overload
    def __get__(
        self, client: AsyncTransport, owner: type
    ) -> Callable[ParametersT, Coroutine[Any, Any, AsyncJob]]: ...
    def __get__(self, client: SyncTransport | AsyncTransport | None, owner: type) -> Any:
        """Return the method of a client; of the class, the function that builds the request."""
        if client is None:
            return self._build
        handle: Any = Job if isinstance(client, SyncTransport) else AsyncJob
        return bound_method(self._build, client, lambda accepted: handle(client, accepted.job_id, accepted))


def bound_method(
    build: Callable[..., Request[Any]],
    client: SyncTransport | AsyncTransport,
    convert: Callable[[Any], Any] = lambda response: response,
) -> Callable[..., Any]:
    """Return a method that sends the request that a function builds.

    Args:
        build: Returns the request; the method has its name, signature and docstring.
        client: Sends it; the method of an `AsyncTransport` is a coroutine function.
        convert: Turns the response into the value that the method returns.
    """
    if isinstance(client, SyncTransport):

        @functools.wraps(build)
        def method(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            return convert(client.send(build(*args, **kwargs)))

        return method

    @functools.wraps(build)
    async def coroutine_method(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return convert(await client.send(build(*args, **kwargs)))

    return coroutine_method


class Operations:
    """Every operation that is one request and one response."""

    ready = operation(requests.ready)
    """Return the state of the service's parts; raise `ServiceUnavailable` if one of them fails."""

    languages = operation(requests.languages)
    """Return the languages of each task and the checkpoints that serve them."""

    store_dataset = operation(requests.store_dataset)
    """Upload examples; equal examples get the same dataset id."""

    dataset = operation(requests.dataset)
    """Return the manifest of a stored dataset."""

    pretrain = submission(requests.pretrain)
    """Train a base, from which every adaptation starts; return the job."""

    adapt = submission(requests.adapt)
    """Adapt a base to a language; return the job."""

    plan = operation(requests.plan)
    """Return what `adapt` with the same arguments would do, without doing it."""

    jobs = operation(requests.jobs)
    """Return the newest jobs that match the filters."""

    cancel = operation(requests.cancel)
    """Cancel a job, and return its state; a job that has ended stays as it is."""

    evaluate = operation(requests.evaluate)
    """Measure a checkpoint on labelled examples."""

    predict_mtod = operation(requests.predict_mtod)
    """Return the intent and the slots of each utterance."""

    predict_qa = operation(requests.predict_qa)
    """Return the answers to each question."""

    predict = operation(requests.predict)
    """Return the predictions of any task."""

    checkpoints = operation(registry_requests.checkpoints)
    """Return the newest checkpoints that match the filters."""

    checkpoint = operation(registry_requests.checkpoint)
    """Return the manifest of a checkpoint and the languages that it serves."""

    delete_checkpoint = operation(registry_requests.delete_checkpoint)
    """Delete a checkpoint; the service refuses if it is deployed or another one depends on it."""

    language = operation(registry_requests.language)
    """Return the live deployment of a language, or of ``base``, and the history of its deployments."""

    deploy = operation(registry_requests.deploy)
    """Deploy a checkpoint."""

    roll_back = operation(registry_requests.roll_back)
    """Deploy the checkpoint that was live before."""

    import_archive = operation(registry_requests.import_archive)
    """Upload the archive of a checkpoint; one that is already stored stays as it is."""
