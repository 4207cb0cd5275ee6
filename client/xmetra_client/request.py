"""A request as a value: what is sent, and how the response is parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from xmetra_client.errors import InvalidResponse

ModelT = TypeVar("ModelT", bound=BaseModel)
ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True, slots=True)
class Request(Generic[ResponseT]):
    """One request.

    Attributes:
        parse: Turns a successful response into the value that the operation returns.
        method: HTTP method.
        path: Path below the address of the service.
        arguments: httpx's arguments of the request.
        file: A file that is the body, sent while it is read.
    """

    parse: Callable[[httpx.Response], ResponseT]
    method: str
    path: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    @contextmanager
    def open_file(self) -> Iterator[BinaryIO | None]:
        """Open the file of the body; yield None if the request has none."""
        if self.file is None:
            yield None
        else:
            with self.file.open("rb") as file:
                yield file


def model(kind: type[ModelT]) -> Callable[[httpx.Response], ModelT]:
    """Return a parser of responses that are a model; fields unknown to this client are ignored."""

    def parse(response: httpx.Response) -> ModelT:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise InvalidResponse(
                f"{response.request.url} answered something that is not a {kind.__name__}; "
                "is it an xmetra service of this version?"
            ) from error

    return parse


def no_content(response: httpx.Response) -> None:
    """Parse a response without a body."""
    del response
