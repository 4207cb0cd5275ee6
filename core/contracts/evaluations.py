"""How good a model is on held-out examples; every rate is between 0 and 1."""

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field

from core.contracts.task_models import OfTask
from core.contracts.values import Contract


class Scores(Contract):
    """Precision, recall and F1 of one label.

    Attributes:
        precision: Share of the predictions of the label that are right, 0 to 1.
        recall: Share of the gold occurrences of the label that were predicted, 0 to 1.
        f1: Harmonic mean of precision and recall, 0 to 1.
        support: Number of gold occurrences.
    """

    precision: float
    recall: float
    f1: float
    support: int


class Evaluation(Contract, ABC):
    """Scores of a model on held-out examples; each task has a subclass.

    Attributes:
        examples: Number of examples.
    """

    quality_name: ClassVar[str]
    """What `quality` is, in words."""

    examples: int = Field(ge=1)

    @property
    @abstractmethod
    def quality(self) -> float:
        """The one number by which models are compared, 0 to 1."""

    @property
    @abstractmethod
    def headline(self) -> dict[str, float]:
        """The main figures for people, name → rate."""

    @property
    def scores(self) -> dict[str, int | float]:
        """The figures without the tables by label."""
        return {name: value for name, value in self if isinstance(value, int | float)}


class MtodEvaluation(Evaluation):
    """Intents and slots, measured.

    Attributes:
        examples: How many.
        intent_accuracy: Share of right intents.
        slot_f1: Micro-averaged F1 of exact spans.
        exact_match: Share of utterances with the right intent and exactly the right slots.
        intents: Scores of each intent.
        slots: Scores of each slot type.
        intent_confusion: Gold intent → predicted intent → count, without the right ones.
    """

    quality_name: ClassVar[str] = "mean of intent accuracy and slot F1"

    intent_accuracy: float
    slot_f1: float
    exact_match: float
    intents: dict[str, Scores] = {}
    slots: dict[str, Scores] = {}
    intent_confusion: dict[str, dict[str, int]] = {}

    @property
    def quality(self) -> float:
        """The one number by which models are compared."""
        return (self.intent_accuracy + self.slot_f1) / 2

    @property
    def headline(self) -> dict[str, float]:
        """The figures a person reads first, by name."""
        return {
            "intent accuracy": self.intent_accuracy,
            "slot F1": self.slot_f1,
            "exact match": self.exact_match,
        }


class QaEvaluation(Evaluation):
    """Answers, measured as SQuAD v1.1 and TyDiQA-GoldP do.

    Attributes:
        examples: How many questions.
        exact_match: Share of answers that are, but for case, punctuation and articles, one of the gold ones.
        f1: Mean over questions of the F1 of words, against the gold answer that fits best.
    """

    quality_name: ClassVar[str] = "F1"

    exact_match: float
    f1: float

    @property
    def quality(self) -> float:
        """The one number by which models are compared."""
        return self.f1

    @property
    def headline(self) -> dict[str, float]:
        """The figures a person reads first, by name."""
        return {"F1": self.f1, "exact match": self.exact_match}


AnyEvaluation = Annotated[Evaluation, OfTask("evaluation")]
"""The evaluation of whichever task."""
