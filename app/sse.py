"""Server-sent events, as the WHATWG HTML standard reads them: lines in, events out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream.

    Attributes:
        event: Its type; ``message`` where the stream names none.
        data: Its data lines, joined.
        last_id: The id to resume after, which is an earlier event's where this one has none.
    """

    event: str
    data: str
    last_id: str


def read_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Turn the lines of a ``text/event-stream`` into events; comments (pings) are dropped.

    Args:
        lines: Decoded lines without their ends.
    """
    event, data, last_id = "", list[str](), ""
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(event=event or "message", data="\n".join(data), last_id=last_id)
            event, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id" and "\0" not in value:
            last_id = value
