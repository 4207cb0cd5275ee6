"""Metrics of intents and slots: intent accuracy, span F1 and exact match.

Spans are compared as conlleval and seqeval's strict mode do: slot, start and end must all be right
(Tjong Kim Sang and De Meulder, CoNLL-2003). Characters rather than tags are compared, so that a model
is evaluated on what its user receives, whatever units it works on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.contracts.evaluations import MtodEvaluation, Scores
from core.contracts.examples import MtodExample, SlotSpan

IntentAndSlots: TypeAlias = tuple[str, tuple[SlotSpan, ...]]
"""Predicted intent and slots of one utterance."""

SpanPair: TypeAlias = tuple[frozenset[SlotSpan], frozenset[SlotSpan]]
"""Gold and predicted spans of one utterance."""

IntentCounts: TypeAlias = Counter[tuple[str, str]]
"""Number of utterances for each pair of gold and predicted intent."""


def evaluate_predictions(gold: Sequence[MtodExample], predicted: Sequence[IntentAndSlots]) -> MtodEvaluation:
    """Compare predictions with gold labels.

    A rate whose denominator is 0 is 0, as in seqeval: without any span on either side the slot F1 is 0.

    Args:
        gold: The labelled utterances.
        predicted: The predicted intent and slots of each, in the same order.

    Raises:
        ValueError: There are no examples, or their number differs from that of the predictions.
    """
    if not gold:
        raise ValueError("there is no example to measure on")
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} examples")
    pairs = list(zip(gold, predicted, strict=True))
    intents = Counter((example.intent, intent) for example, (intent, _) in pairs)
    slots = [(frozenset(example.slots), frozenset(spans)) for example, (_, spans) in pairs]
    exact = sum(
        example.intent == intent and gold_spans == predicted_spans
        for (example, (intent, _)), (gold_spans, predicted_spans) in zip(pairs, slots, strict=True)
    )
    correct_intents = sum(count for (label, prediction), count in intents.items() if label == prediction)
    return MtodEvaluation(
        examples=len(pairs),
        intent_accuracy=correct_intents / len(pairs),
        slot_f1=_span_counts(slots).scores().f1,
        exact_match=exact / len(pairs),
        intents=_intent_scores(intents),
        slots=_slot_scores(slots),
        intent_confusion=_confusion(intents),
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counts behind precision, recall and F1.

    Attributes:
        gold: Gold labels.
        predicted: Predicted labels.
        correct: Predicted labels that are correct.
    """

    gold: int
    predicted: int
    correct: int

    def scores(self) -> Scores:
        """Return the rates; 0 if the denominator is 0."""
        return Scores(
            precision=_ratio(self.correct, self.predicted),
            recall=_ratio(self.correct, self.gold),
            f1=_ratio(2 * self.correct, self.gold + self.predicted),
            support=self.gold,
        )


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else 0.0


def _span_counts(slots: Sequence[SpanPair]) -> _Counts:
    """Count spans over all utterances."""
    return _Counts(
        gold=sum(len(gold) for gold, _ in slots),
        predicted=sum(len(predicted) for _, predicted in slots),
        correct=sum(len(gold & predicted) for gold, predicted in slots),
    )


def _slot_scores(slots: Sequence[SpanPair]) -> dict[str, Scores]:
    """Score every slot type that occurs in gold or predicted spans."""
    gold = Counter(span.slot for gold_spans, _ in slots for span in gold_spans)
    predicted = Counter(span.slot for _, predicted_spans in slots for span in predicted_spans)
    correct = Counter(span.slot for gold_spans, spans in slots for span in gold_spans & spans)
    return _label_scores(gold, predicted, correct)


def _intent_scores(intents: IntentCounts) -> dict[str, Scores]:
    """Score every intent that occurs in gold or predicted labels."""
    gold: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    for (label, prediction), count in intents.items():
        gold[label] += count
        predicted[prediction] += count
    return _label_scores(gold, predicted, Counter({label: intents[label, label] for label in gold}))


def _label_scores(gold: Counter[str], predicted: Counter[str], correct: Counter[str]) -> dict[str, Scores]:
    """Score every label, in alphabetical order."""
    labels = sorted(gold.keys() | predicted.keys())
    return {label: _Counts(gold[label], predicted[label], correct[label]).scores() for label in labels}


def _confusion(intents: IntentCounts) -> dict[str, dict[str, int]]:
    """Return gold intent → predicted intent → count of the wrong predictions, in alphabetical order."""
    confusion: dict[str, dict[str, int]] = {}
    for (label, prediction), count in sorted(intents.items()):
        if label != prediction:
            confusion.setdefault(label, {})[prediction] = count
    return confusion
