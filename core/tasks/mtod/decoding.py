"""Decoding of scores: ranked intents, and slots with offsets and confidences."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.contracts.examples import SlotSpan
from core.contracts.mtod_predictions import PredictedSlot, RankedIntent
from core.tasks.batches import length_batches
from core.tasks.mtod.crf import Crf
from core.tasks.mtod.features import Features
from core.tasks.mtod.labels import LabelSet, unit_spans
from core.tasks.mtod.learner import MtodLearner

BATCH_TOKENS = 2_048
"""Tokens in one forward pass, padding included: bounds memory whatever the texts."""


@dataclass(frozen=True, slots=True)
class MtodAnswer:
    """The model's prediction of one text.

    Attributes:
        intents: Ranked intents, the most probable first.
        slots: In the order of the text.
        tokens: Number of tokens of the text, special ones included.
    """

    intents: tuple[RankedIntent, ...]
    slots: tuple[PredictedSlot, ...]
    tokens: int

    @property
    def spans(self) -> tuple[SlotSpan, ...]:
        """The slots without values and confidences, as in labelled examples."""
        return tuple(SlotSpan(slot=slot.slot, start=slot.start, end=slot.end) for slot in self.slots)


@torch.inference_mode()
def answer(learner: MtodLearner, features: Sequence[Features], *, top_k: int) -> list[MtodAnswer]:
    """Predict intents and slots of texts, with confidences scaled by the learner's temperatures.

    Args:
        learner: The model; put in evaluation mode.
        features: Features of any number of texts.
        top_k: Number of intents to rank.

    Returns:
        One answer per text, in the order of the texts.
    """
    learner.model.eval()
    tempered = learner.network.crf.tempered(learner.temperatures.slots)
    answers: dict[int, MtodAnswer] = {}
    for indices in length_batches(features, max_tokens=BATCH_TOKENS):
        batch = [features[index] for index in indices]
        answers.update(zip(indices, _answer_batch(learner, batch, top_k, tempered), strict=True))
    return [answers[index] for index in range(len(features))]


def _answer_batch(
    learner: MtodLearner, features: Sequence[Features], top_k: int, tempered: Crf
) -> list[MtodAnswer]:
    """Answer one batch: one forward pass, one Viterbi, one pass for the confidences of all spans."""
    batch = learner.batch(features)
    temperatures = learner.temperatures
    intent_logits, emissions = learner.network.scores(batch)
    # Temperatures scale only the reported confidences, never the scores that select an answer.
    paths = learner.network.crf.viterbi(emissions, batch.unit_mask)
    spans = [unit_spans(path) for path in paths]
    tagged = [
        [(first, last, path[first:last]) for _, first, last in text_spans]
        for path, text_spans in zip(paths, spans, strict=True)
    ]
    log_probabilities = tempered.span_log_probability(
        emissions / temperatures.slots, batch.unit_mask, tagged
    )  # [spans]
    confidences = iter(log_probabilities.exp().clamp(max=1.0).tolist())
    ranked = _rank(intent_logits, temperatures.intents, learner.labels, top_k)
    answers = []
    for text, intents, text_spans in zip(features, ranked, spans, strict=True):
        slots = tuple(_slot(text, learner.labels, span, next(confidences)) for span in text_spans)
        answers.append(MtodAnswer(intents, slots, len(text)))
    return answers


def _rank(logits: Tensor, temperature: float, labels: LabelSet, top_k: int) -> list[tuple[RankedIntent, ...]]:
    """Return the most probable intents of each row of `logits` [batch, intents]."""
    best = logits.topk(min(top_k, len(labels.intents)), dim=1).indices  # [batch, k]
    probabilities = (logits / temperature).softmax(dim=1).gather(1, best)  # [batch, k]
    return [
        tuple(
            RankedIntent(name=labels.intents[number], confidence=confidence)
            for number, confidence in zip(numbers, confidences, strict=True)
        )
        for numbers, confidences in zip(best.tolist(), probabilities.tolist(), strict=True)
    ]


def _slot(text: Features, labels: LabelSet, span: tuple[int, int, int], confidence: float) -> PredictedSlot:
    """Return a span of units as a slot of the text."""
    slot, first, last = span
    start, end = text.units[first][0], text.units[last - 1][1]
    return PredictedSlot(
        slot=labels.slots[slot], value=text.text[start:end], start=start, end=end, confidence=confidence
    )
