"""Training requests of each registered task, made from its `core.tasks.spec.TaskSpec`."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import ConfigDict, Field, create_model
from pydantic.fields import FieldInfo

from app.schemas.limits import AtMost
from app.schemas.training import AdaptRequest, DatasetRequest, EvaluateRequest, HeldOut, PretrainRequest
from core.contracts.values import MTOD, Contract
from core.tasks.registry import task_spec, task_specs
from core.tasks.spec import TaskSpec

DEFAULT_TASK: Final = MTOD
"""The task of a request that names none."""

RequestT = TypeVar("RequestT", bound=Contract)


def _requests(of_task: Callable[[str], type[RequestT]]) -> Mapping[str, type[RequestT]]:
    """Return task → request class, for every registered task."""
    return {spec.name: of_task(spec.name) for spec in task_specs()}


def dataset_requests() -> Mapping[str, type[DatasetRequest]]:
    """Return task → class of `POST /datasets`."""
    return _requests(_dataset_request)


def pretrain_requests() -> Mapping[str, type[PretrainRequest]]:
    """Return task → class of `POST /pretrain`."""
    return _requests(_pretrain_request)


def adapt_requests() -> Mapping[str, type[AdaptRequest]]:
    """Return task → class of `POST /adapt`."""
    return _requests(_adapt_request)


def evaluate_requests() -> Mapping[str, type[EvaluateRequest]]:
    """Return task → class of `POST /evaluate`."""
    return _requests(_evaluate_request)


@cache
def _dataset_request(task: str) -> type[DatasetRequest]:
    spec = task_spec(task)
    return _model(
        DatasetRequest,
        spec,
        sample={"language": "es", "examples": [spec.sample]},
        examples=(_examples(spec, "max_source_examples"), ...),
    )


@cache
def _pretrain_request(task: str) -> type[PretrainRequest]:
    spec = task_spec(task)
    return _model(
        PretrainRequest,
        spec,
        sample={"source_language": "en", "dataset": "0a1b2c"},
        examples=(_examples(spec, "max_source_examples") | None, None),
        evaluation=(_held_out(task) | None, None),
        settings=(spec.pretrain_settings, spec.pretrain_settings()),
    )


@cache
def _adapt_request(task: str) -> type[AdaptRequest]:
    spec = task_spec(task)
    return _model(
        AdaptRequest,
        spec,
        sample={
            "language": "es",
            "examples": [spec.sample],
            "evaluation": {"fraction": 0.2},
            "method": "x-metra-ada",
            "promote": "if_better",
        },
        examples=(_examples(spec, "max_examples") | None, None),
        evaluation=(_held_out(task) | None, None),
        hyperparameters=(spec.hyperparameters, spec.hyperparameters()),
        **_option_fields(spec),
    )


@cache
def _evaluate_request(task: str) -> type[EvaluateRequest]:
    spec = task_spec(task)
    return _model(
        EvaluateRequest,
        spec,
        sample={"language": "es", "examples": [spec.sample]},
        examples=(_examples(spec, "max_examples") | None, None),
    )


@cache
def _held_out(task: str) -> type[HeldOut]:
    spec = task_spec(task)
    return create_model(
        f"{spec.schema_name}HeldOut",
        __base__=HeldOut,
        __doc__=HeldOut.__doc__,
        examples=(_examples(spec, "max_source_examples") | None, None),
    )


def _examples(spec: TaskSpec, limit: str) -> Any:  # noqa: ANN401
    """Return the type of a bounded list of the task's examples."""
    return Annotated[tuple[spec.example, ...], Field(min_length=1), AtMost(limit)]  # type: ignore[name-defined]


def _option_fields(spec: TaskSpec) -> dict[str, tuple[Any, FieldInfo]]:
    """Return the options of the task as fields of a request."""
    return {name: (field.annotation, field) for name, field in spec.options.model_fields.items()}


def _model(
    base: type[RequestT],
    spec: TaskSpec,
    *,
    sample: Mapping[str, Any],
    **fields: Any,  # noqa: ANN401
) -> type[RequestT]:
    """Return a task's class of a request, with the task's name fixed and an example in its description."""
    task: Any = Literal[spec.name]
    default = spec.name if spec.name == DEFAULT_TASK else ...
    model = create_model(
        f"{spec.schema_name}{base.__name__}",
        __base__=base,
        __doc__=base.__doc__,
        task=(task, default),
        **fields,
    )
    model.model_config = ConfigDict(
        **{**model.model_config, "json_schema_extra": {"examples": [{"task": spec.name, **sample}]}}
    )
    model.model_rebuild(force=True)
    return model
