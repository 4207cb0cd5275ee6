"""The small value types that every other contract is made of."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated

import langcodes
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MAX_TEXT_LENGTH = 2_000
"""Code points in one utterance: far above any spoken request; an encoder may take less, and says so."""

MAX_CONTEXT_LENGTH = 200_000
"""Code points in one context of a question: a long article; it is read in windows."""

_UNPRINTABLE = re.compile("[\0\ud800-\udfff]")

BASE = "base"
"""The deployment of a task that answers every language nobody adapted; no language tag can be this."""


class Contract(BaseModel):
    """Base of every contract: immutable, and an unknown field is a fault, not a shrug."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskName(StrEnum):
    """What is learnt."""

    MTOD = "mtod"
    QA = "qa"


class Method(StrEnum):
    """How a language is learnt (X-METRA-ADA, section 3.2); PRE alone is the zero-shot base.

    Attributes:
        MONO: Plain training on the target alone, from the encoder and not from the base.
        FT: Plain training of the base on the target.
        FT_EN: Plain training of the base on source and target together.
        X_METRA: Meta-train alone, on all of the target's data.
        X_METRA_ADA: Meta-train, then meta-adapt.
        BEST: FT, FT_EN and X_METRA_ADA; what does best on held-out examples is kept.
    """

    MONO = "mono"
    FT = "ft"
    FT_EN = "ft-en"
    X_METRA = "x-metra"
    X_METRA_ADA = "x-metra-ada"
    BEST = "best"

    @property
    def contenders(self) -> tuple["Method", ...]:
        """What is trained to get this: itself, or those it chooses among."""
        if self is Method.BEST:
            return Method.FT, Method.FT_EN, Method.X_METRA_ADA
        return (self,)


class Trainable(StrEnum):
    """Which tensors an adaptation may change.

    Attributes:
        ALL: The encoder and the heads.
        HEADS: The heads; the encoder's outputs are computed once.
        LORA: The heads, and low-rank matrices beside the encoder's (Hu et al. 2021); the result is small.
    """

    ALL = "all"
    HEADS = "heads"
    LORA = "lora"


class Promotion(StrEnum):
    """When a new checkpoint replaces the one that serves."""

    IF_BETTER = "if_better"
    ALWAYS = "always"
    NEVER = "never"


def canonical_language(tag: str) -> str:
    """Return a BCP-47 tag in its canonical form.

    Args:
        tag: A language tag such as ``es``, ``pt-br`` or ``es_XX``.

    Raises:
        ValueError: The tag is not one of the registry's.
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
    if found := _UNPRINTABLE.search(text):
        name = "NUL (U+0000)" if found.group() == "\0" else f"a lone surrogate (U+{ord(found.group()):04X})"
        raise ValueError(f"character {found.start()} is {name}")
    return text


def now() -> datetime:
    """Return the present moment in UTC, as every record stores it."""
    return datetime.now(UTC)


Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
LanguageTag = Annotated[str, StringConstraints(max_length=35), AfterValidator(canonical_language)]
Text = Annotated[str, AfterValidator(printable_text)]
Context = Annotated[str, AfterValidator(partial(printable_text, limit=MAX_CONTEXT_LENGTH))]
OwnId = Annotated[str, StringConstraints(max_length=128, pattern=r"^[^\x00-\x1f]*$")]
"""What somebody else calls a thing: kept, given back, never looked up."""
Label = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f]{1,128}$")]
Offset = Annotated[int, Field(ge=0)]
