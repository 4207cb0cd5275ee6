"""Prediction requests, one class for each registered task."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, create_model

from app.schemas.limits import AtMost, limits_of
from core.contracts.inference import PredictionInput
from core.contracts.values import Contract, Identifier, LanguageTag
from core.tasks.registry import task_spec
from core.tasks.spec import TaskSpec

MAX_TOP_K: Final = 100
"""Ranked intents or answers in a prediction: more than any label set measured here has."""


class PredictRequest(Contract):
    """Inputs to predict; a task's own class adds the list of inputs.

    Attributes:
        language: BCP-47 tag of every input that has none of its own.
        checkpoint: Id of the checkpoint that predicts, instead of the one that serves the language.
        top_k: Number of ranked alternatives in each prediction.
    """

    language: LanguageTag | None = None
    checkpoint: Identifier | None = None
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] = 3


@cache
def predict_request(task: str) -> type[PredictRequest]:
    """Return the request class of a task, such as ``MtodPredictRequest``.

    Raises:
        NotFound: There is no task of that name.
    """
    spec = task_spec(task)
    inputs: Any = tuple[_input(spec.input), ...]  # type: ignore[misc]  # known at run time only
    annotation = Annotated[
        inputs,
        Field(min_length=1, description=f"The inputs to predict, at most `{spec.limits.items}`."),
        AtMost(spec.limits.items),
        AfterValidator(_bounded(spec)),
    ]
    fields: dict[str, Any] = {spec.inputs_field: (annotation, ...)}
    model = create_model(
        f"{spec.schema_name}PredictRequest",
        __base__=PredictRequest,
        __doc__=f"Inputs of the task `{spec.name}` to predict: {spec.summary}.",
        **fields,
    )
    examples: list[Any] = (
        [{spec.inputs_field: list(spec.sample_inputs), "language": "es"}] if spec.sample_inputs else []
    )
    model.model_config = ConfigDict(**{**model.model_config, "json_schema_extra": {"examples": examples}})
    model.model_rebuild(force=True)
    return model


def _input(model: type[PredictionInput]) -> Any:  # noqa: ANN401
    """Return the type of one input, which may have a shorthand."""
    if model.from_shorthand("text") == "text":
        return model
    return Annotated[model, BeforeValidator(model.from_shorthand, json_schema_input_type=str | model)]


def _bounded(spec: TaskSpec) -> Any:  # noqa: ANN401
    """Return the validator of the total size of a request's inputs."""

    def check(inputs: Sequence[PredictionInput], info: ValidationInfo) -> Sequence[PredictionInput]:
        if spec.limits.characters is None:
            return inputs
        characters = sum(len(spec.limits.bounded_text(item)) for item in inputs)
        limit = getattr(limits_of(info), spec.limits.characters)
        if characters > limit:
            raise ValueError(
                f"the {spec.limits.bounded_name} have {characters} characters together; the limit is {limit}"
            )
        return inputs

    return check
