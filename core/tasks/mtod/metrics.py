"""How good predictions are, measured on whole spans of characters.

Spans are compared as conlleval and seqeval's strict mode do: slot, start and end must all be right
(Tjong Kim Sang and De Meulder, CoNLL-2003). Characters rather than tags are compared, so that a model
is judged on what its user receives, whatever units it works on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.contracts.evaluations import MtodEvaluation, Scores
from core.contracts.examples import MtodExample, SlotSpan

Prediction: TypeAlias = tuple[str, tuple[SlotSpan, ...]]
"""Intent and slots of one utterance."""

SpanPair: TypeAlias = tuple[frozenset[SlotSpan], frozenset[SlotSpan]]
"""Gold and predicted spans of one utterance."""

IntentCounts: TypeAlias = Counter[tuple[str, str]]
"""How often each gold intent was taken for each intent."""


def evaluate_predictions(gold: Sequence[MtodExample], predicted: Sequence[Prediction]) -> MtodEvaluation:
    """Compare predictions with what is right.

    A rate with nothing to divide by is 0, as in seqeval: without any span on either side the slot F1
    is 0.

    Args:
        gold: The labelled utterances.
        predicted: The intent and the slots found in each, in the same order.

    Raises:
        ValueError: There is nothing to measure, or not one prediction for each example.
    """
    if not gold:
        raise ValueError("there is no example to measure on")
    if len(gold) != len(predicted):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} examples")
    pairs = list(zip(gold, predicted, strict=True))
    intents = Counter((example.intent, intent) for example, (intent, _) in pairs)
    slots = [(frozenset(example.slots), frozenset(spans)) for example, (_, spans) in pairs]
    exact = sum(
        example.intent == intent and right == told
        for (example, (intent, _)), (right, told) in zip(pairs, slots, strict=True)
    )
    return MtodEvaluation(
        examples=len(pairs),
        intent_accuracy=sum(count for (right, told), count in intents.items() if right == told) / len(pairs),
        slot_f1=_span_tally(slots).scores().f1,
        exact_match=exact / len(pairs),
        intents=_intent_scores(intents),
        slots=_slot_scores(slots),
        intent_confusion=_confusion(intents),
    )


@dataclass(frozen=True, slots=True)
class _Tally:
    """How many there are, how many were told, and how many of those were right."""

    gold: int
    predicted: int
    right: int

    def scores(self) -> Scores:
        """Return the rates; 0 where there is nothing to divide by."""
        return Scores(
            precision=_share(self.right, self.predicted),
            recall=_share(self.right, self.gold),
            f1=_share(2 * self.right, self.gold + self.predicted),
            support=self.gold,
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _span_tally(slots: Sequence[SpanPair]) -> _Tally:
    """Count spans over all utterances."""
    return _Tally(
        gold=sum(len(gold) for gold, _ in slots),
        predicted=sum(len(predicted) for _, predicted in slots),
        right=sum(len(gold & predicted) for gold, predicted in slots),
    )


def _slot_scores(slots: Sequence[SpanPair]) -> dict[str, Scores]:
    """Score every slot type that is there or was told."""
    gold = Counter(span.slot for right, _ in slots for span in right)
    predicted = Counter(span.slot for _, told in slots for span in told)
    right = Counter(span.slot for right, told in slots for span in right & told)
    return _all_scores(gold, predicted, right)


def _intent_scores(intents: IntentCounts) -> dict[str, Scores]:
    """Score every intent that is there or was told."""
    gold: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    for (right, told), count in intents.items():
        gold[right] += count
        predicted[told] += count
    return _all_scores(gold, predicted, Counter({label: intents[label, label] for label in gold}))


def _all_scores(gold: Counter[str], predicted: Counter[str], right: Counter[str]) -> dict[str, Scores]:
    """Score every label, in alphabetical order."""
    labels = sorted(gold.keys() | predicted.keys())
    return {label: _Tally(gold[label], predicted[label], right[label]).scores() for label in labels}


def _confusion(intents: IntentCounts) -> dict[str, dict[str, int]]:
    """Tell what each intent was taken for, in alphabetical order, without the right answers."""
    confusion: dict[str, dict[str, int]] = {}
    for (right, told), count in sorted(intents.items()):
        if right != told:
            confusion.setdefault(right, {})[told] = count
    return confusion
