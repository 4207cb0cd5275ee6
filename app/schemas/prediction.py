"""What clients send to be answered.

The limits that nobody may set stand beside the fields they bound; the others are in `app.schemas.limits`.
"""

from typing import Annotated, Final

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from app.schemas.limits import AtMost, limits_of
from core.contracts.values import Context, Contract, Identifier, LanguageTag, OwnId, Text

MAX_TOP_K: Final = 100
"""Ranked intents in an answer: more than any label set measured here has."""


class Utterance(Contract):
    """A text to be understood.

    Attributes:
        id: The caller's own name of it, given back.
        language: Its language; without it, the request's.
    """

    id: OwnId | None = None
    text: Text
    language: LanguageTag | None = None

    @classmethod
    def from_text(cls, given: object) -> object:
        """Take a mere string for an utterance's text."""
        return {"text": given} if isinstance(given, str) else given


class MtodPredictRequest(Contract):
    """Texts to be understood.

    Attributes:
        language: Of every utterance that does not tell its own.
        checkpoint: Answers in place of whatever serves the language.
        top_k: Intents to rank.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"utterances": ["pon una alarma a las seis"], "language": "es"},
                {"utterances": [{"id": "a", "text": "will it rain today", "language": "en"}], "top_k": 5},
            ]
        }
    )

    utterances: Annotated[
        tuple[
            Annotated[
                Utterance, BeforeValidator(Utterance.from_text, json_schema_input_type=str | Utterance)
            ],
            ...,
        ],
        Field(min_length=1),
        AtMost("max_utterances"),
    ]
    language: LanguageTag | None = None
    checkpoint: Identifier | None = None
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] = 3


class QuestionInput(Contract):
    """A question on a text.

    Attributes:
        id: The caller's own name of it, given back.
        context: The text that holds the answer, of any length up to the limit.
        language: Its language; without it, the request's.
    """

    id: OwnId | None = None
    question: Text
    context: Context
    language: LanguageTag | None = None


class QaPredictRequest(Contract):
    """Questions to be answered.

    Attributes:
        language: Of every question that does not tell its own.
        checkpoint: Answers in place of whatever serves the language.
        top_k: Answers to rank.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "questions": [
                        {
                            "question": "¿Cuándo abrió la panadería?",
                            "context": "La panadería de la plaza abrió en 1987.",
                        }
                    ],
                    "language": "es",
                }
            ]
        }
    )

    questions: Annotated[tuple[QuestionInput, ...], Field(min_length=1), AtMost("max_questions")]
    language: LanguageTag | None = None
    checkpoint: Identifier | None = None
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K)] = 3

    @field_validator("questions")
    @classmethod
    def _bounded(
        cls, questions: tuple[QuestionInput, ...], info: ValidationInfo
    ) -> tuple[QuestionInput, ...]:
        characters = sum(len(one.context) for one in questions)
        most = limits_of(info).max_context_characters
        if characters > most:
            raise ValueError(f"the contexts have {characters} characters together; the limit is {most}")
        return questions
