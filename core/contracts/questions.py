"""Questions with their contexts and answers: what extractive question answering learns from."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from core.contracts.values import Context, Contract, Offset, OwnId, Text

MAX_ANSWERS = 100
"""Answers to one question: annotators are few."""

LONGEST_SHOWN = 40
"""Characters of an answer that are quoted."""


class AnswerSpan(Contract):
    """An answer in its context, as SQuAD writes it; `context[answer_start:end] == text`.

    Attributes:
        text: The answer.
        answer_start: Its first character, in Unicode code points.
    """

    text: Annotated[str, StringConstraints(min_length=1)]
    answer_start: Offset

    @property
    def end(self) -> int:
        """The character after its last."""
        return self.answer_start + len(self.text)


class QaExample(Contract):
    """One question on one context, with every answer that annotators gave.

    Attributes:
        id: The data's own name of the question.
        question: What is asked.
        context: The text that holds the answers.
        answers: At least one; the first is learnt, all are right.
    """

    id: OwnId | None = None
    question: Text
    context: Context
    answers: Annotated[tuple[AnswerSpan, ...], Field(min_length=1, max_length=MAX_ANSWERS)]

    @model_validator(mode="after")
    def _answers_are_there(self) -> Self:
        faults = [
            f"answers/{index} {fault}"
            for index, answer in enumerate(self.answers)
            if (fault := _fault(answer, self.context))
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _fault(answer: AnswerSpan, context: str) -> str | None:
    """Tell why an answer is not in its context, or None if it is."""
    place = f"({_shown(answer.text)} at {answer.answer_start})"
    found = context[answer.answer_start : answer.end]
    if found == answer.text:
        return None if answer.text.strip() else f"{place} covers only white space"
    if answer.end > len(context):
        told = f"{place} ends outside the context, which has {len(context)} characters"
    else:
        told = f"{place} is not there: the context has {_shown(found)}"
    elsewhere = context.find(answer.text)
    return told if elsewhere < 0 else f"{told}; the answer first occurs at {elsewhere}"


def _shown(text: str) -> str:
    """Quote a text, or its beginning."""
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
