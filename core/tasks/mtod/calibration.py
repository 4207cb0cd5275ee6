"""How sure the model may say it is: one temperature for intents, and one for slots."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.contracts.calibrations import Calibrated, Calibration
from core.contracts.examples import MtodExample
from core.evaluation.calibration import Judged, cross_fitted
from core.tasks.batches import length_batches
from core.tasks.holdout import in_lasting_order
from core.tasks.mtod.crf import Crf, TaggedSpan
from core.tasks.mtod.decoding import BATCH_TOKENS
from core.tasks.mtod.features import IGNORED_INTENT
from core.tasks.mtod.labels import text_spans, unit_spans
from core.tasks.mtod.learner import MtodLearner

FEWEST: Final = 50
"""Held-out utterances, and slots in them, below which the temperature stays 1.

Drawn from known probabilities of which 94 % are right and should be divided by 1.5, a temperature from 30
examples does harm in 22 % of draws, from 50 in 7 %, from 100 in none.
"""

MOST: Final = 2_000
"""Held-out texts that are read: one number is as sure with these as with more."""


@torch.inference_mode()
def calibrate(
    learner: MtodLearner, held: Sequence[MtodExample], *, learnt: Sequence[MtodExample]
) -> Calibration:
    """Fit both temperatures; the learner's own are neither used nor changed.

    Args:
        learner: Its model is put in evaluation mode.
        held: What it was measured on.
        learnt: What it learnt from: their texts are left out, since it is too sure of what it knows.
    """
    halves = _halves(held, learnt)
    examples = sum(map(len, halves))
    if examples < FEWEST:
        few = _too_few(examples, examples, "utterances")
        return Calibration(intents=few, slots=few)
    learner.model.eval()
    (intents, slots), (other_intents, other_slots) = (_read(learner, half) for half in halves)
    known = sum(int((one.gold != IGNORED_INTENT).sum()) for one in (intents, other_intents))
    spans = sum(len(one.slots) for half in halves for one in half)
    return Calibration(
        intents=_too_few(examples, known, "utterances of intents it knows")
        if known < FEWEST
        else cross_fitted(intents, other_intents, examples=known),
        slots=_too_few(examples, spans, "slots")
        if spans < FEWEST
        else cross_fitted(slots, other_slots, examples=examples),
    )


def _too_few(examples: int, count: int, what: str) -> Calibrated:
    return Calibrated(examples=examples, note=f"{count} held-out {what}; calibration needs {FEWEST}")


def _halves(held: Sequence[MtodExample], learnt: Sequence[MtodExample]) -> list[list[MtodExample]]:
    """Part held-out examples in two by their texts' hashes: a text that occurs twice is in one half only."""
    texts = in_lasting_order({one.text for one in held} - {one.text for one in learnt})[:MOST]
    return [[one for one in held if one.text in half] for half in (set(texts[::2]), set(texts[1::2]))]


@dataclass(frozen=True, slots=True)
class IntentScores:
    """See `core.evaluation.calibration.Held`.

    Attributes:
        logits: [utterances, intents] of float64.
        gold: [utterances]; `IGNORED_INTENT` where the model does not know the intent. No temperature
            makes that likelier, so it has no part in the loss; the answer is wrong all the same.
    """

    logits: Tensor
    gold: Tensor

    def loss(self, temperature: float) -> float:
        """Return the cross-entropy, summed."""
        return float(
            functional.cross_entropy(
                self.logits / temperature, self.gold, ignore_index=IGNORED_INTENT, reduction="sum"
            )
        )

    def judged(self, temperature: float) -> Judged:
        """Return the likeliest intent of each utterance."""
        told = self.logits.argmax(1, keepdim=True)  # [utterances, 1]
        sure = (self.logits / temperature).softmax(1).gather(1, told).squeeze(1)  # [utterances]
        return Judged(sure.numpy(), (told.squeeze(1) == self.gold).numpy())


@dataclass(frozen=True, slots=True)
class Tagging:
    """A batch of utterances.

    Attributes:
        emissions: [batch, units, tags] of float64.
        mask: [batch, units] bool.
        tags: [batch, units]; the right ones.
        told: The spans of the best path of each utterance.
        right: Whether each of them, those of the first utterance first, has the right slot and place.
    """

    emissions: Tensor
    mask: Tensor
    tags: Tensor
    told: list[list[TaggedSpan]]
    right: list[bool]


@dataclass(frozen=True, slots=True)
class SlotScores:
    """See `core.evaluation.calibration.Held`.

    Attributes:
        crf: Of float64.
        batches: Of all utterances.
    """

    crf: Crf
    batches: list[Tagging]

    def loss(self, temperature: float) -> float:
        """Return the negative log-likelihood of whole tag sequences, summed."""
        crf = self.crf.tempered(temperature)
        losses = [
            crf.negative_log_likelihood(one.emissions / temperature, one.tags, one.mask).item()
            for one in self.batches
        ]  # the mean of each batch
        return sum(len(one.tags) * loss for one, loss in zip(self.batches, losses, strict=True))

    def judged(self, temperature: float) -> Judged:
        """Return the slots that are found, each right as a whole or not."""
        crf = self.crf.tempered(temperature)
        sure = [
            crf.span_log_probability(one.emissions / temperature, one.mask, one.told) for one in self.batches
        ]
        right = [right for one in self.batches for right in one.right]
        return Judged(torch.cat(sure).exp().clamp(max=1.0).numpy(), np.array(right, dtype=np.bool_))


def _read(learner: MtodLearner, examples: Sequence[MtodExample]) -> tuple[IntentScores, SlotScores]:
    """Read utterances as a user's: without tokens of their own."""
    features = learner.features([one.model_copy(update={"tokens": None}) for one in examples])
    logits, gold, batches = [], [], []
    for indices in length_batches(features, max_tokens=BATCH_TOKENS):
        batch = learner.batch([features[index] for index in indices])
        intent_logits, emissions = learner.network.scores(batch)
        logits.append(intent_logits.double().cpu())
        gold.append(batch.intents.cpu())
        paths = learner.network.crf.viterbi(emissions, batch.unit_mask)
        rows = [(path, features[index], examples[index]) for path, index in zip(paths, indices, strict=True)]
        batches.append(
            Tagging(
                emissions=emissions.double().cpu(),
                mask=batch.unit_mask.cpu(),
                tags=batch.tags.cpu(),
                told=[
                    [(begin, end, path[begin:end]) for _, begin, end in unit_spans(path)] for path in paths
                ],
                right=[
                    span in example.slots
                    for path, one, example in rows
                    for span in text_spans(path, one.units, learner.labels)
                ],
            )
        )
    crf = deepcopy(learner.network.crf).cpu().double()
    return IntentScores(torch.cat(logits), torch.cat(gold)), SlotScores(crf, batches)
