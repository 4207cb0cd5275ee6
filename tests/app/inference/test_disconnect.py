"""Work whose client hangs up."""

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


def test_work_is_done_while_its_client_is_there() -> None:
    assert anyio.run(while_connected, connected(), soon) == "done"


def test_work_that_fails_fails_as_it_did() -> None:
    with pytest.raises(KeyError, match="here"):
        anyio.run(while_connected, connected(), fails)


def test_work_is_given_up_when_its_client_hangs_up() -> None:
    with pytest.raises(ClientDisconnect):
        anyio.run(while_connected, connected(hangs_up_after=0.01), never)
