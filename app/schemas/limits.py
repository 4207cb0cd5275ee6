"""How much one request may hold: limits that an operator may set, on their way to the fields they bound."""

from dataclasses import dataclass, fields
from typing import Any, Final, Self

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, core_schema


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of a request.

    Attributes:
        max_utterances: In one prediction: a second or so on a CPU, so that nobody's turn takes long.
        max_questions: In one prediction: each reads a context, of mostly a window and at most a few hundred.
        max_context_characters: Of all contexts of one prediction: half a minute on a CPU.
        max_examples: Of one language to adapt. "Few-shot" ends far below; MTOD's whole Spanish has 8,643.
        max_source_examples: Of a dataset or of a base: MTOD's English has 43,323. The limit of the body comes
            first in practice.
    """

    max_utterances: int = 256
    max_questions: int = 64
    max_context_characters: int = 500_000
    max_examples: int = 20_000
    max_source_examples: int = 100_000

    @classmethod
    def of(cls, settings: BaseModel) -> Self:
        """Take them from settings of the same names."""
        return cls(**{limit.name: getattr(settings, limit.name) for limit in fields(cls)})


DEFAULTS: Final = Limits()


def limits_of(info: ValidationInfo) -> Limits:
    """Return the limits that a document is validated under: its validation's context, or the defaults."""
    return info.context if isinstance(info.context, Limits) else DEFAULTS


BOUNDED_BY: Final = "x-limit"
"""In a schema: the setting that its ``maxItems`` comes from."""


def set_limits(schema: object, limits: Limits) -> None:
    """Put the limits that are set into a description, wherever one bounds a list."""
    if isinstance(schema, dict):
        if BOUNDED_BY in schema:
            schema["maxItems"] = getattr(limits, schema[BOUNDED_BY])
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            set_limits(part, limits)


@dataclass(frozen=True, slots=True)
class AtMost:
    """Bounds a list as ``max_length`` does, but by a limit that is set; its description tells the default.

    Attributes:
        limit: A field of `Limits`.
    """

    limit: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Look before the entries are read, which may be many."""
        return core_schema.with_info_before_validator_function(self._bounded, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the bound, and which setting it is: `set_limits` puts in what is set."""
        return {**handler(schema), "maxItems": getattr(DEFAULTS, self.limit), BOUNDED_BY: self.limit}

    def _bounded(self, value: object, info: ValidationInfo) -> object:
        most = getattr(limits_of(info), self.limit)
        if isinstance(value, list | tuple) and len(value) > most:
            told = {"field_type": "List", "max_length": most, "actual_length": len(value)}
            raise PydanticKnownError("too_long", told)
        return value
