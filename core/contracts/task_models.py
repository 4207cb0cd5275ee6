"""Fields whose type depends on the task: parsed and described by the models that registered tasks bring."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Union

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from core.plugins import load_task, task_names


@dataclass(frozen=True, slots=True)
class OfTask:
    """Marks a field that holds a model of the registered tasks.

    A value is parsed by the model of the task that the same document names in an earlier field `task`; where
    none is named, by the one whose fields fit (pydantic's smart union).

    Attributes:
        kind: The attribute of `core.tasks.spec.TaskSpec` that is the model's class.
    """

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Validate by the registered models, which are looked up when the first value comes."""
        del source, handler
        return core_schema.with_info_plain_validator_function(
            self._parse, serialization=core_schema.simple_ser_schema("any")
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the value as any of the registered models."""
        del schema
        return handler(_adapter(self.kind).core_schema)

    def _parse(self, value: object, info: ValidationInfo) -> Any:  # noqa: ANN401
        models = models_by_task(self.kind)
        task = (info.data or {}).get("task")
        model = models.get(task) if isinstance(task, str) else None
        if model is not None:
            return model.model_validate(value, context=info.context)
        return _adapter(self.kind).validate_python(value, context=info.context)


def models_by_task(kind: str) -> dict[str, type[BaseModel]]:
    """Return task → its model of a kind (an attribute of `core.tasks.spec.TaskSpec`)."""
    return {name: getattr(load_task(name), kind) for name in task_names()}


def _adapter(kind: str) -> TypeAdapter[Any]:
    return _union(tuple(dict.fromkeys(models_by_task(kind).values())))


@cache
def _union(models: tuple[type[BaseModel], ...]) -> TypeAdapter[Any]:
    union: Any = Union.__getitem__(models)  # known at run time only
    return TypeAdapter(union)
