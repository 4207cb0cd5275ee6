"""Serialization of contracts to JSON, and deserialization."""

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from core.contracts.values import Contract
from core.errors import CorruptArtifact

Document = TypeVar("Document", bound=BaseModel)


def encode_document(document: Contract) -> bytes:
    """Return a document as one line of JSON.

    Pydantic's own serializer is not used, because it writes a loss that is NaN as null, and a record with
    null for a number could not be parsed.
    """
    return json.dumps(document.model_dump(mode="json"), ensure_ascii=False).encode() + b"\n"


def decode_document(model: type[Document], data: bytes, *, name: str) -> Document:
    """Parse a document.

    Args:
        model: Class of the document.
        data: JSON.
        name: Name of the document for the error message.

    Raises:
        CorruptArtifact: The JSON is incomplete, or not valid for the class.
    """
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        place = "/".join(str(part) for part in faults[0]["loc"])
        raise CorruptArtifact(f"{name} cannot be read: {place or 'document'}: {faults[0]['msg']}") from None
