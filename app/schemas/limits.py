"""Size limits of requests: set by the operator, applied to the fields that they bound."""

from dataclasses import dataclass, fields
from typing import Any, Final, Self

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of a request.

    Attributes:
        max_utterances: Inputs of one prediction request: about a second on a CPU, so that others do not wait
            long.
        max_questions: Questions of one prediction request; a context has mostly one window, at most a few
            hundred.
        max_context_characters: Characters of all contexts of one prediction request: half a minute on a CPU.
        max_examples: Examples of one adaptation. "Few-shot" ends far below; MTOD's whole Spanish has 8,643.
        max_source_examples: Examples of a dataset or a base: MTOD's English has 43,323. In practice the limit
            of the body is reached first.
    """

    max_utterances: int = 256
    max_questions: int = 64
    max_context_characters: int = 500_000
    max_examples: int = 20_000
    max_source_examples: int = 100_000

    @classmethod
    def of(cls, settings: BaseModel) -> Self:
        """Return the limits of settings with the same names."""
        return cls(**{limit.name: getattr(settings, limit.name) for limit in fields(cls)})


DEFAULTS: Final = Limits()


def limits_of(info: ValidationInfo) -> Limits:
    """Return the limits of a validation: its context, or the defaults."""
    return info.context if isinstance(info.context, Limits) else DEFAULTS


OVER_LIMIT: Final = "over_limit"
"""The type of the error of a list that is longer than a limit of `Limits`."""

BOUNDED_BY: Final = "x-limit"
"""Schema keyword: the setting that ``maxItems`` comes from."""


def set_limits(schema: object, limits: Limits) -> None:
    """Set ``maxItems`` of every bounded list in a schema to the operator's limit."""
    if isinstance(schema, dict):
        if BOUNDED_BY in schema:
            schema["maxItems"] = getattr(limits, schema[BOUNDED_BY])
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            set_limits(part, limits)


@dataclass(frozen=True, slots=True)
class AtMost:
    """Bounds a list as ``max_length`` does, by a limit of the settings; the schema has the default.

    Attributes:
        limit: Name of a field of `Limits`.
    """

    limit: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Check the length before the entries are validated, which may be many."""
        return core_schema.with_info_before_validator_function(self._bounded, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the bound and its setting, for `set_limits`."""
        return {**handler(schema), "maxItems": getattr(DEFAULTS, self.limit), BOUNDED_BY: self.limit}

    def _bounded(self, value: object, info: ValidationInfo) -> object:
        most = getattr(limits_of(info), self.limit)
        if isinstance(value, list | tuple) and len(value) > most:
            sizes = {"max_length": most, "actual_length": len(value)}
            message = "the list should have at most {max_length} items, not {actual_length}"
            raise PydanticCustomError(OVER_LIMIT, message, sizes)
        return value
