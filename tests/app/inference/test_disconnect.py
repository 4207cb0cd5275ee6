"""Cancellation of work whose client disconnects."""

from typing import Any

import anyio
import pytest
from starlette.requests import ClientDisconnect, Request

from app.inference.disconnect import while_connected


def connected(*, hangs_up_after: float = 60) -> Request:
    async def receive() -> dict[str, Any]:
        await anyio.sleep(hangs_up_after)
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


async def soon() -> str:
    await anyio.sleep(0)
    return "done"


async def fails() -> str:
    raise KeyError("here")


async def never() -> str:
    await anyio.sleep_forever()
    return ""


def test_while_connected_returns_the_result() -> None:
    assert anyio.run(while_connected, connected(), soon) == "done"


def test_while_connected_raises_the_error_of_the_work() -> None:
    with pytest.raises(KeyError, match="here"):
        anyio.run(while_connected, connected(), fails)


def test_while_connected_cancels_the_work_when_the_client_disconnects() -> None:
    with pytest.raises(ClientDisconnect):
        anyio.run(while_connected, connected(hangs_up_after=0.01), never)
