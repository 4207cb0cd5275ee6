"""A contract as the bytes of a JSON document, and back."""

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.contracts.values import Contract
from core.errors import CorruptArtifact

Document = TypeVar("Document", bound=BaseModel)


def encoded(document: Contract) -> bytes:
    """Return the document as one line of JSON.

    Not pydantic's own writer: it turns a loss that is no number into null, and a record with null
    for a number could never be read again.
    """
    return json.dumps(document.model_dump(mode="json"), ensure_ascii=False).encode() + b"\n"


def decoded(model: type[Document], data: bytes, *, name: str) -> Document:
    """Return the document.

    Args:
        model: What it must be.
        data: The bytes read.
        name: What to call it in the error.

    Raises:
        CorruptArtifact: It is torn, or is something else.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        place = "/".join(str(part) for part in faults[0]["loc"])
        raise CorruptArtifact(f"{name} cannot be read: {place or 'document'}: {faults[0]['msg']}") from None
