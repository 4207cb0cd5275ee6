"""Labelled examples of extractive question answering: questions, contexts and answers."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from core.contracts.examples import Example
from core.contracts.field_faults import FieldFault, several
from core.contracts.offset_units import unit_of_offset
from core.contracts.values import Context, Contract, Offset, OwnId, Text

MAX_ANSWERS = 100
"""Answers to one question: more than any published data set has annotators."""

LONGEST_SHOWN = 40
"""Characters of an answer that are quoted."""


class AnswerSpan(Contract):
    """An answer in its context, as SQuAD writes it; `context[answer_start:end] == text`.

    Attributes:
        text: The answer, exactly as in the context.
        answer_start: Offset of the first character of the answer in the context, in Unicode code points.
    """

    text: Annotated[str, StringConstraints(min_length=1)]
    answer_start: Offset

    @property
    def end(self) -> int:
        """The offset after the last character."""
        return self.answer_start + len(self.text)


class QaExample(Example):
    """One question on one context, with the answers of all annotators.

    Attributes:
        id: The id of the question in its data set.
        question: The question, up to 2,000 characters.
        context: The text that holds the answers, up to 200,000 characters.
        answers: 1 to 100 answers; training uses the first, and evaluation accepts each.
    """

    id: OwnId | None = None
    question: Text
    context: Context
    answers: Annotated[tuple[AnswerSpan, ...], Field(min_length=1, max_length=MAX_ANSWERS)]

    @property
    def passage(self) -> str:
        """The context."""
        return self.context

    @model_validator(mode="after")
    def _answers_are_there(self) -> Self:
        faults = [
            FieldFault(("answers", index), f"answers/{index} {detail}")
            for index, answer in enumerate(self.answers)
            if (detail := _misplacement(answer, self.context))
        ]
        if faults:
            raise several(faults)
        return self


def _misplacement(answer: AnswerSpan, context: str) -> str | None:
    """Return why an answer is not in its context, or None if it is."""
    place = f"({_quoted(answer.text)} at {answer.answer_start})"
    at_offset = context[answer.answer_start : answer.end]
    if at_offset == answer.text:
        return None if answer.text.strip() else f"{place} covers only white space"
    if answer.end > len(context):
        detail = f"{place} ends outside the context, which has {len(context)} characters"
    else:
        detail = f"{place} is not there: the context has {_quoted(at_offset)}"
    elsewhere = context.find(answer.text)
    if elsewhere >= 0:
        detail += f"; the answer first occurs at {elsewhere}"
    unit = unit_of_offset(answer.text, answer.answer_start, context)
    return f"{detail}; offsets count Unicode code points; this one counts {unit}" if unit else detail


def _quoted(text: str) -> str:
    """Quote a text, or its beginning."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
