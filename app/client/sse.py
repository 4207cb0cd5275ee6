"""Server-sent events, as the WHATWG HTML standard reads them: lines in, events out."""

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


class EventReader:
    """Reads one ``text/event-stream``; comments (pings) are dropped.

    Args:
        last_id: Of the connection before, if there was one.

    Attributes:
        last_id: Of the last whole event.
    """

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._event, self._data, self._id = "", list[str](), last_id

    def take(self, line: str) -> ServerEvent | None:
        """Take a decoded line without its end, and return the event that it ends, if it does."""
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event = value
        elif name == "data":
            self._data.append(value)
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerEvent | None:
        """Return what an empty line ends; nothing if there was no data."""
        event, data = self._event, self._data
        self._event, self._data = "", []
        self.last_id = self._id
        if not data:
            return None
        return ServerEvent(event=event or "message", data="\n".join(data), last_id=self.last_id)
