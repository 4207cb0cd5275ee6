"""``If-Match`` and ``If-None-Match`` (RFC 9110, section 13.1): who changes what serves says what it saw."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header
from pydantic import StringConstraints

from core.errors import PreconditionFailed

ETAGS: Final = r'^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$'

IfMatch = Annotated[
    Annotated[str, StringConstraints(pattern=ETAGS, max_length=1_000)] | None,
    Header(description="The `ETag` of what you believe to serve; if something else does, nothing changes."),
]
IfNoneMatch = Annotated[
    Annotated[str, StringConstraints(pattern=r"^\s*\*\s*$", max_length=10)] | None,
    Header(description="`*`: only if nothing serves yet."),
]


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must be live for a change to be made.

    Attributes:
        if_match: Tags, or ``*``, of what must serve; None for anything or nothing.
        is_first: Whether nothing may serve.
    """

    if_match: str | None = None
    is_first: bool = False

    @property
    def is_given(self) -> bool:
        """Whether the client asked for anything."""
        return self.if_match is not None or self.is_first

    def number(self, latest: int) -> int | None:
        """Return the number that must still be the latest when the change is made; None for any.

        Args:
            latest: The number of the live deployment; 0 for none.

        Raises:
            PreconditionFailed: It is not what the client believed.
        """
        if self.if_match is not None and not self._matches(latest):
            found = f"deployment {etag(latest)} serves" if latest else "nothing serves yet"
            raise PreconditionFailed(f"{found}, which is not what If-Match names: {self.if_match}")
        if self.is_first and latest:
            raise PreconditionFailed(f"deployment {etag(latest)} serves already")
        return latest if self.is_given else None

    def _matches(self, latest: int) -> bool:
        """Whether one of the tags is that of the live deployment; a weak one never is."""
        told = (self.if_match or "").strip()
        return latest > 0 and (told == "*" or etag(latest) in {tag.strip() for tag in told.split(",")})


def etag(number: int) -> str:
    """Return the tag of a deployment."""
    return f'"{number}"'


def _if_live(if_match: IfMatch = None) -> Precondition:
    """Read the header that names what serves."""
    return Precondition(if_match=if_match)


def _if_live_or_first(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Precondition:
    """Read the headers that name what serves, or say that nothing does."""
    return Precondition(if_match=if_match, is_first=if_none_match is not None)


IfLive = Annotated[Precondition, Depends(_if_live)]
IfLiveOrFirst = Annotated[Precondition, Depends(_if_live_or_first)]
