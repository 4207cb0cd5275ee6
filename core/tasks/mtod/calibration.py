"""Calibration of a model's confidences: one temperature for intents and one for slots."""

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
from core.evaluation.calibration import ScoredAnswers, cross_fit_temperature
from core.tasks.batches import length_batches
from core.tasks.holdout import sorted_by_hash
from core.tasks.mtod.crf import Crf, TaggedSpan
from core.tasks.mtod.decoding import BATCH_TOKENS
from core.tasks.mtod.features import IGNORED_INTENT
from core.tasks.mtod.labels import text_spans, unit_spans
from core.tasks.mtod.learner import MtodLearner

MIN_EXAMPLES: Final = 50
"""Held-out utterances, and slots in them, below which the temperature stays 1.

In simulations with known probabilities, of which 94 % are right and should be divided by 1.5, a temperature
from 30 examples does harm in 22 % of draws, from 50 in 7 %, from 100 in none.
"""

MAX_TEXTS: Final = 2_000
"""Held-out texts that are used: more do not make the estimate of one number more certain."""


@torch.inference_mode()
def calibrate(
    learner: MtodLearner, evaluation: Sequence[MtodExample], *, training: Sequence[MtodExample]
) -> Calibration:
    """Fit both temperatures; the learner's own are neither used nor changed.

    Args:
        learner: The model; put in evaluation mode.
        evaluation: The held-out examples that the model was measured on.
        training: The examples that it was trained on. Their texts are left out, because the model is
            overconfident on them.
    """
    halves = _halves(evaluation, training)
    examples = sum(map(len, halves))
    if examples < MIN_EXAMPLES:
        uncalibrated = _too_few(examples, examples, "utterances")
        return Calibration(intents=uncalibrated, slots=uncalibrated)
    learner.model.eval()
    (intents, slots), (other_intents, other_slots) = (_score(learner, half) for half in halves)
    known_intents = sum(int((half.gold != IGNORED_INTENT).sum()) for half in (intents, other_intents))
    spans = sum(len(example.slots) for half in halves for example in half)
    return Calibration(
        intents=_too_few(examples, known_intents, "utterances of intents it knows")
        if known_intents < MIN_EXAMPLES
        else cross_fit_temperature(intents, other_intents, examples=known_intents),
        slots=_too_few(examples, spans, "slots")
        if spans < MIN_EXAMPLES
        else cross_fit_temperature(slots, other_slots, examples=examples),
    )


def _too_few(examples: int, count: int, kind: str) -> Calibrated:
    return Calibrated(examples=examples, note=f"{count} held-out {kind}; calibration needs {MIN_EXAMPLES}")


def _halves(evaluation: Sequence[MtodExample], training: Sequence[MtodExample]) -> list[list[MtodExample]]:
    """Split held-out examples into two halves by text hash: a text that occurs twice is in one half only."""
    texts = {example.text for example in evaluation} - {example.text for example in training}
    ordered = sorted_by_hash(texts)[:MAX_TEXTS]
    return [
        [example for example in evaluation if example.text in half]
        for half in (set(ordered[::2]), set(ordered[1::2]))
    ]


@dataclass(frozen=True, slots=True)
class IntentScores:
    """Intent logits of held-out utterances (see `core.evaluation.calibration.HeldOutScores`).

    Attributes:
        logits: [utterances, intents] of float64.
        gold: [utterances]; `IGNORED_INTENT` if the model does not know the intent. No temperature
            makes that more probable, so it is not part of the loss; the answer counts as wrong.
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

    def answers(self, temperature: float) -> ScoredAnswers:
        """Return the confidence and the correctness of the most probable intent of each utterance."""
        best = self.logits.argmax(1, keepdim=True)  # [utterances, 1]
        confidences = (self.logits / temperature).softmax(1).gather(1, best).squeeze(1)  # [utterances]
        return ScoredAnswers(confidences.numpy(), (best.squeeze(1) == self.gold).numpy())


@dataclass(frozen=True, slots=True)
class SlotBatch:
    """Emissions, gold tags and predicted spans of a batch of utterances.

    Attributes:
        emissions: [batch, units, tags] of float64.
        mask: [batch, units] bool.
        tags: [batch, units]; the gold tags.
        spans: The predicted spans of each utterance: those of its Viterbi path.
        correct: Whether each predicted span, utterance by utterance, has the gold slot and offsets.
    """

    emissions: Tensor
    mask: Tensor
    tags: Tensor
    spans: list[list[TaggedSpan]]
    correct: list[bool]


@dataclass(frozen=True, slots=True)
class SlotScores:
    """CRF scores of held-out utterances (see `core.evaluation.calibration.HeldOutScores`).

    Attributes:
        crf: The CRF in float64.
        batches: All utterances.
    """

    crf: Crf
    batches: list[SlotBatch]

    def loss(self, temperature: float) -> float:
        """Return the negative log-likelihood of whole tag sequences, summed."""
        crf = self.crf.tempered(temperature)
        losses = [
            crf.negative_log_likelihood(batch.emissions / temperature, batch.tags, batch.mask).item()
            for batch in self.batches
        ]  # the mean of each batch
        return sum(len(batch.tags) * loss for batch, loss in zip(self.batches, losses, strict=True))

    def answers(self, temperature: float) -> ScoredAnswers:
        """Return the confidence of each predicted slot, and whether it is correct as a whole."""
        crf = self.crf.tempered(temperature)
        log_probabilities = [
            crf.span_log_probability(batch.emissions / temperature, batch.mask, batch.spans)
            for batch in self.batches
        ]
        confidences = torch.cat(log_probabilities).exp().clamp(max=1.0)
        correct = [is_correct for batch in self.batches for is_correct in batch.correct]
        return ScoredAnswers(confidences.numpy(), np.array(correct, dtype=np.bool_))


def _score(learner: MtodLearner, examples: Sequence[MtodExample]) -> tuple[IntentScores, SlotScores]:
    """Score utterances as in serving: without the examples' own tokens."""
    features = learner.features([example.model_copy(update={"tokens": None}) for example in examples])
    logits, gold, batches = [], [], []
    for indices in length_batches(features, max_tokens=BATCH_TOKENS):
        batch = learner.batch([features[index] for index in indices])
        intent_logits, emissions = learner.network.scores(batch)
        logits.append(intent_logits.double().cpu())
        gold.append(batch.intents.cpu())
        paths = learner.network.crf.viterbi(emissions, batch.unit_mask)
        rows = [(path, features[index], examples[index]) for path, index in zip(paths, indices, strict=True)]
        batches.append(
            SlotBatch(
                emissions=emissions.double().cpu(),
                mask=batch.unit_mask.cpu(),
                tags=batch.tags.cpu(),
                spans=[
                    [(begin, end, path[begin:end]) for _, begin, end in unit_spans(path)] for path in paths
                ],
                correct=[
                    span in example.slots
                    for path, text, example in rows
                    for span in text_spans(path, text.units, learner.labels)
                ],
            )
        )
    crf = deepcopy(learner.network.crf).cpu().double()
    return IntentScores(torch.cat(logits), torch.cat(gold)), SlotScores(crf, batches)
