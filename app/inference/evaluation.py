"""Evaluation of the model in service on labelled examples."""

from collections.abc import Iterator, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from app.inference.prediction_service import PredictionService
from app.schemas.limits import Limits
from app.schemas.prediction import predict_request
from app.schemas.responses import EvaluationResult
from app.schemas.training import EvaluateRequest
from core.contracts.examples import Example
from core.contracts.inference import Prediction, PredictionInput
from core.errors import InvalidInput
from core.tasks.spec import TaskSpec


async def evaluate_examples(
    request: EvaluateRequest, examples: Sequence[Example], predictor: PredictionService, limits: Limits
) -> EvaluationResult:
    """Predict examples, a batch at a time, and compare the predictions with their labels.

    Args:
        request: Names the language and perhaps a checkpoint.
        examples: The labelled examples.
        predictor: The prediction service of their task.
        limits: Bound each batch as they bound a prediction request.

    Raises:
        InvalidInput: An example is too long for the model.
        NotFound: The checkpoint that the request names does not exist.
        ModelUnavailable: No model serves.
        Overloaded: Too many requests wait.
    """
    spec = predictor.spec
    predictions: list[Prediction] = []
    checkpoints: dict[str, str] = {}
    for batch in batches([spec.input_of(example) for example in examples], spec, limits):
        fields = {
            spec.inputs_field: batch,
            "language": request.language,
            "checkpoint": request.checkpoint,
            "top_k": 1,
        }
        try:
            response = await predictor.predict(
                predict_request(spec.name).model_validate(fields, context=limits)
            )
        except InvalidInput as error:
            raise InvalidInput(list(_in_examples(error, spec, offset=len(predictions)))) from None
        predictions.extend(response.predictions)
        checkpoints.update(response.checkpoints)
    evaluation = await run_in_threadpool(spec.evaluate, examples, predictions)
    return EvaluationResult(
        task=spec.name,
        language=request.language,
        checkpoint_id=checkpoints[request.language],
        adapted=all(prediction.adapted for prediction in predictions),
        evaluation=evaluation,
    )


def batches(
    inputs: Sequence[PredictionInput], spec: TaskSpec, limits: Limits
) -> Iterator[tuple[PredictionInput, ...]]:
    """Yield the inputs in batches that one prediction request may hold."""
    max_items = getattr(limits, spec.limits.items)
    max_characters = getattr(limits, spec.limits.characters) if spec.limits.characters else None
    batch: list[PredictionInput] = []
    characters = 0
    for item in inputs:
        size = len(spec.limits.bounded_text(item)) if max_characters is not None else 0
        is_full = max_characters is not None and characters + size > max_characters
        if batch and (len(batch) == max_items or is_full):
            yield tuple(batch)
            batch, characters = [], 0
        batch.append(item)
        characters += size
    if batch:
        yield tuple(batch)


def _in_examples(error: InvalidInput, spec: TaskSpec, *, offset: int) -> Iterator[Any]:
    """Yield the faults of a batch with their pointers in the request: /utterances/3 → /examples/259."""
    for fault in error.faults:
        index, separator, rest = fault.pointer.removeprefix(f"/{spec.inputs_field}/").partition("/")
        if index.isdecimal():
            yield type(fault)(f"/examples/{int(index) + offset}{separator}{rest}", fault.detail)
        else:
            yield fault
