"""Cancellation of work whose client has disconnected."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from anyio import create_task_group
from starlette.requests import ClientDisconnect, Request

ResultT = TypeVar("ResultT")


async def while_connected(request: Request, work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Run some work, which is cancelled as soon as the client disconnects.

    Args:
        request: The request, whose body has been read.
        work: The work.

    Raises:
        ClientDisconnect: The client has disconnected.
    """
    outcome: list[ResultT] = []
    failure: Exception | None = None
    async with create_task_group() as group:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        group.start_soon(watch)
        try:
            outcome.append(await work())
        except Exception as error:  # noqa: BLE001 - raised below: a task group would wrap it
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not outcome:
        raise ClientDisconnect
    return outcome[0]
