"""Conditional deployments by ``If-Match`` and ``If-None-Match`` (RFC 9110, section 13.1)."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header
from pydantic import StringConstraints

from core.errors import PreconditionFailed

ETAGS: Final = r'^\s*(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)\s*$'

IfMatch = Annotated[
    Annotated[str, StringConstraints(pattern=ETAGS, max_length=1_000)] | None,
    Header(description="`ETag` of the deployment that must be live; otherwise nothing is changed."),
]
IfNoneMatch = Annotated[
    Annotated[str, StringConstraints(pattern=r"^\s*\*\s*$", max_length=10)] | None,
    Header(description="`*`: only if the language has no deployment yet."),
]


@dataclass(frozen=True, slots=True)
class Precondition:
    """The deployment that must be live for a change to be made.

    Attributes:
        if_match: Entity tags of which the live deployment must have one, or ``*``; None for no condition.
        is_first: Whether there must be no deployment yet.
    """

    if_match: str | None = None
    is_first: bool = False

    @property
    def is_given(self) -> bool:
        """Whether the client set a condition."""
        return self.if_match is not None or self.is_first

    def number(self, latest: int) -> int | None:
        """Return the number that must still be the latest when the change is made, or None for any number.

        Args:
            latest: The number of the live deployment; 0 if there is none.

        Raises:
            PreconditionFailed: The live deployment does not meet the condition.
        """
        if self.if_match is not None and not self._matches(latest):
            live = f"deployment {etag(latest)} serves" if latest else "nothing serves yet"
            raise PreconditionFailed(f"{live}, which is not what If-Match names: {self.if_match}")
        if self.is_first and latest:
            raise PreconditionFailed(f"deployment {etag(latest)} serves already")
        return latest if self.is_given else None

    def _matches(self, latest: int) -> bool:
        """Whether one of the tags is that of the live deployment; weak tags never match."""
        tags = (self.if_match or "").strip()
        return latest > 0 and (tags == "*" or etag(latest) in {tag.strip() for tag in tags.split(",")})


def etag(number: int) -> str:
    """Return the entity tag of a deployment."""
    return f'"{number}"'


def _if_live(if_match: IfMatch = None) -> Precondition:
    """Return the precondition of a rollback."""
    return Precondition(if_match=if_match)


def _if_live_or_first(if_match: IfMatch = None, if_none_match: IfNoneMatch = None) -> Precondition:
    """Return the precondition of a deployment."""
    return Precondition(if_match=if_match, is_first=if_none_match is not None)


IfLive = Annotated[Precondition, Depends(_if_live)]
IfLiveOrFirst = Annotated[Precondition, Depends(_if_live_or_first)]
