"""The base class of the response models."""

from pydantic import BaseModel, ConfigDict


class ResponseModel(BaseModel):
    """A part of a response: immutable; fields that a newer service adds are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
