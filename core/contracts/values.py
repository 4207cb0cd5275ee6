"""Value types of the contracts: identifiers, languages, texts, methods, tasks."""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

import langcodes
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from core.contracts.docstrings import DescribedEnum, describe_fields, describe_schema
from core.plugins import task_names

MAX_TEXT_LENGTH = 2_000
"""Code points in one utterance: far above any spoken request; an encoder may take less, and says so."""

MAX_CONTEXT_LENGTH = 200_000
"""Code points in one context of a question: a long article; it is read in windows."""

_UNPRINTABLE = re.compile("[\0\ud800-\udfff]")

BASE = "base"
"""Deployment key of the model for languages without a checkpoint of their own; never a language tag."""


class Contract(BaseModel):
    """Base of every contract: immutable, and without unknown fields.

    The "Attributes:" section of a subclass's docstring describes its fields in JSON schemas, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401
        """Describe the fields."""
        super().__pydantic_init_subclass__(**kwargs)
        describe_fields(cls)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the model and its properties."""
        reference = handler(schema)
        describe_schema(cls, handler.resolve_ref_schema(reference))
        return reference


MTOD: Final = "mtod"
"""Intents and slots of utterances."""

QA: Final = "qa"
"""Extractive answers to questions on contexts."""


class _RegisteredTask:
    """Restricts a string to the names of the task registry, which is read when a value is first validated."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        return core_schema.no_info_after_validator_function(registered_task, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "enum": list(task_names())}


def registered_task(name: str) -> str:
    """Return the name of a task unchanged.

    Raises:
        ValueError: No task of that name is registered (`core.tasks.registry`).
    """
    names = task_names()
    if name not in names:
        raise ValueError(f"{name[:80]!r} is none of the tasks {', '.join(names)}")
    return name


TaskName = Annotated[str, _RegisteredTask()]
"""The name of a registered task."""


class Method(DescribedEnum):
    """Training method of an adaptation (X-METRA-ADA, section 3.2); PRE alone is the zero-shot base.

    Attributes:
        MONO: Plain training on the target language only, from the encoder and not from the base.
        FT: Plain training of the base on the target language.
        FT_EN: Plain training of the base on source and target language together.
        X_METRA: Meta-train only, on all few-shot examples.
        X_METRA_ADA: Meta-train, then meta-adapt.
        BEST: FT, FT_EN and X_METRA_ADA; the model with the best score on held-out examples is the result.
    """

    MONO = "mono"
    FT = "ft"
    FT_EN = "ft-en"
    X_METRA = "x-metra"
    X_METRA_ADA = "x-metra-ada"
    BEST = "best"

    @property
    def contenders(self) -> tuple["Method", ...]:
        """The methods to train: itself, or those that `BEST` chooses among."""
        if self is Method.BEST:
            return Method.FT, Method.FT_EN, Method.X_METRA_ADA
        return (self,)


class Trainable(DescribedEnum):
    """The tensors that an adaptation trains.

    Attributes:
        ALL: The encoder and the heads.
        HEADS: The heads only; the encoder's outputs are computed once.
        LORA: The heads, and low-rank matrices added to the encoder (Hu et al. 2021); the checkpoint is small.
    """

    ALL = "all"
    HEADS = "heads"
    LORA = "lora"


class Promotion(DescribedEnum):
    """When a new checkpoint replaces the live one.

    Attributes:
        IF_BETTER: If its score on the held-out examples is better.
        ALWAYS: Whatever its score.
        NEVER: Never; the checkpoint can be deployed by hand.
    """

    IF_BETTER = "if_better"
    ALWAYS = "always"
    NEVER = "never"


def canonical_language(tag: str) -> str:
    """Return a BCP-47 tag in its canonical form.

    Args:
        tag: A language tag such as ``es``, ``pt-br`` or ``es_XX``.

    Raises:
        ValueError: The tag is not in the IANA registry.
    """
    if not tag or not langcodes.tag_is_valid(tag):
        raise ValueError(f"{tag!r} is not a BCP-47 language tag such as 'es', 'th' or 'pt-BR'")
    return langcodes.standardize_tag(tag)


def printable_text(text: str, *, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return the text unchanged if it can be stored, tokenised and shown.

    Args:
        text: Any string.
        limit: Code points it may have.

    Raises:
        ValueError: The text is blank, too long, or holds NUL or half a surrogate pair.
    """
    # First, so that nothing below reads a text of any length.
    if len(text) > limit:
        raise ValueError(f"the text has {len(text)} characters; the limit is {limit}")
    if not text.strip():
        raise ValueError("the text is empty")
    if match := _UNPRINTABLE.search(text):
        name = "NUL (U+0000)" if match.group() == "\0" else f"a lone surrogate (U+{ord(match.group()):04X})"
        raise ValueError(f"character {match.start()} is {name}")
    return text


def now() -> datetime:
    """Return the present moment in UTC, as every record stores it."""
    return datetime.now(UTC)


IDENTIFIER: Final = r"^[A-Za-z0-9_-]{1,64}$"
LABEL: Final = r"^[^\s\x00-\x1f]{1,128}$"
OWN_ID: Final = r"^[^\x00-\x1f]*$"

Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
LanguageTag = Annotated[str, StringConstraints(max_length=35), AfterValidator(canonical_language)]
Text = Annotated[str, AfterValidator(printable_text)]
Context = Annotated[str, AfterValidator(partial(printable_text, limit=MAX_CONTEXT_LENGTH))]
OwnId = Annotated[str, StringConstraints(max_length=128, pattern=OWN_ID)]
"""An identifier of the caller: stored and returned, never looked up."""
Label = Annotated[str, StringConstraints(pattern=LABEL)]
Offset = Annotated[int, Field(ge=0)]
