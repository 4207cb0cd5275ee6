"""From scores to answers: ranked intents, and slots with offsets and confidences."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.contracts.examples import SlotSpan
from core.contracts.predictions import PredictedSlot, RankedIntent
from core.tasks.batches import length_batches
from core.tasks.mtod.crf import Crf
from core.tasks.mtod.features import Features
from core.tasks.mtod.labels import LabelSet, unit_spans
from core.tasks.mtod.learner import MtodLearner

BATCH_TOKENS = 2_048
"""Tokens in one forward pass, padding included: bounds memory whatever the texts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model reads in one text.

    Attributes:
        intents: The likeliest first.
        slots: In the order of the text.
        tokens: Tokens of the text, special ones included.
    """

    intents: tuple[RankedIntent, ...]
    slots: tuple[PredictedSlot, ...]
    tokens: int

    @property
    def spans(self) -> tuple[SlotSpan, ...]:
        """The slots without values and confidences, as labelled examples hold them."""
        return tuple(SlotSpan(slot=one.slot, start=one.start, end=one.end) for one in self.slots)


@torch.inference_mode()
def answer(learner: MtodLearner, features: Sequence[Features], *, top_k: int) -> list[Answer]:
    """Answer texts in their order, as sure of each answer as the learner's temperatures say.

    Args:
        learner: Its model is put in evaluation mode.
        features: Any number.
        top_k: Intents to rank.
    """
    learner.model.eval()
    tempered = learner.network.crf.tempered(learner.temperatures.slots)
    answers: dict[int, Answer] = {}
    for indices in length_batches(features, max_tokens=BATCH_TOKENS):
        chosen = [features[index] for index in indices]
        answers.update(zip(indices, _answer_batch(learner, chosen, top_k, tempered), strict=True))
    return [answers[index] for index in range(len(features))]


def _answer_batch(
    learner: MtodLearner, features: Sequence[Features], top_k: int, tempered: Crf
) -> list[Answer]:
    """Answer one batch: one forward pass, one Viterbi, one pass for the confidences of all spans."""
    batch = learner.batch(features)
    temperatures = learner.temperatures
    intent_logits, emissions = learner.network.scores(batch)
    # Only what is told of an answer is divided by a temperature, never what chooses it.
    paths = learner.network.crf.viterbi(emissions, batch.unit_mask)
    spans = [unit_spans(path) for path in paths]
    tagged = [
        [(first, last, path[first:last]) for _, first, last in found]
        for path, found in zip(paths, spans, strict=True)
    ]
    sure = tempered.span_log_probability(emissions / temperatures.slots, batch.unit_mask, tagged)  # [spans]
    confidences = sure.exp().clamp(max=1.0).tolist()
    ranked = _rank(intent_logits, temperatures.intents, learner.labels, top_k)
    answers = []
    for one, intents, found in zip(features, ranked, spans, strict=True):
        own, confidences = confidences[: len(found)], confidences[len(found) :]
        slots = tuple(_slot(one, learner.labels, span, sure) for span, sure in zip(found, own, strict=True))
        answers.append(Answer(intents, slots, len(one)))
    return answers


def _rank(logits: Tensor, temperature: float, labels: LabelSet, top_k: int) -> list[tuple[RankedIntent, ...]]:
    """Return the likeliest intents of each row of `logits` [batch, intents]."""
    best = logits.topk(min(top_k, len(labels.intents)), dim=1).indices  # [batch, k]
    sure = (logits / temperature).softmax(dim=1).gather(1, best)  # [batch, k]
    return [
        tuple(
            RankedIntent(name=labels.intents[number], confidence=confidence)
            for number, confidence in zip(numbers, confidences, strict=True)
        )
        for numbers, confidences in zip(best.tolist(), sure.tolist(), strict=True)
    ]


def _slot(one: Features, labels: LabelSet, span: tuple[int, int, int], confidence: float) -> PredictedSlot:
    """Return a span of units as a slot of the text."""
    slot, first, last = span
    start, end = one.units[first][0], one.units[last - 1][1]
    return PredictedSlot(
        slot=labels.slots[slot], value=one.text[start:end], start=start, end=end, confidence=confidence
    )
