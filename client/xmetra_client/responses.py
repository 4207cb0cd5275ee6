"""Responses of tasks that this client has no models for."""

from __future__ import annotations

from typing import Any

from xmetra_client.base import ResponseModel
from xmetra_client.models import Usage


class Predictions(ResponseModel):
    """Predictions of a task that has no model of its own in this client.

    Attributes:
        predictions: One document for each input, in the order of the inputs.
        checkpoints: Language → id of the checkpoint that predicted.
        usage: What the request cost.
    """

    predictions: list[dict[str, Any]]
    checkpoints: dict[str, str]
    usage: Usage
