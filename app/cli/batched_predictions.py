"""Predictions of any number of inputs, in several requests."""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from xmetra_client import Client, Predictions
from xmetra_client.models import MtodPredictions, QaPredictions, Usage

PredictionsT = TypeVar("PredictionsT", MtodPredictions, QaPredictions, Predictions)

MAX_INPUTS: Final = 64
"""Inputs in one request: few enough to be answered within the client's timeout on a slow machine."""


def predict_in_batches(
    client: Client, task: str, inputs: Sequence[Any], *, language: str, checkpoint: str | None = None
) -> MtodPredictions | QaPredictions | Predictions:
    """Return the predictions of inputs, in their order.

    Args:
        client: Client of the service.
        task: The task.
        inputs: At least one.
        language: BCP-47 tag of the inputs.
        checkpoint: Id of the checkpoint; the one that serves the language by default.
    """
    responses: list[Any] = [
        client.predict(task, inputs[start : start + MAX_INPUTS], language=language, checkpoint=checkpoint)
        for start in range(0, len(inputs), MAX_INPUTS)
    ]
    merged: MtodPredictions | QaPredictions | Predictions = merge_predictions(responses)
    return merged


def merge_predictions(responses: Sequence[PredictionsT]) -> PredictionsT:
    """Return the predictions of all responses in their order, with the sum of their usage.

    Args:
        responses: At least one.
    """
    usages = [response.usage for response in responses]
    merged = {
        "predictions": [prediction for response in responses for prediction in response.predictions],
        "checkpoints": {
            language: checkpoint
            for response in responses
            for language, checkpoint in response.checkpoints.items()
        },
        "usage": Usage(
            tokens=sum(usage.tokens for usage in usages),
            queue_ms=sum(usage.queue_ms for usage in usages),
            inference_ms=sum(usage.inference_ms for usage in usages),
        ),
    }
    return responses[0].model_copy(update=merged)
