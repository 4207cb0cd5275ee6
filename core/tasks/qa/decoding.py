"""From questions to answers: windows of many contexts in batches, and one ranking for each context."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from core.contracts.answers import PredictedAnswer
from core.tasks.batches import length_batches
from core.tasks.qa.features import Reading
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.span_scores import SpanScores

BATCH_TOKENS = 8_192
"""Tokens in one forward pass, padding included: bounds memory whatever the contexts."""

GROUP_TOKENS = 65_536
"""Tokens of the contexts that are read side by side: bounds what is kept of them, 120 bytes a token."""


@dataclass(frozen=True, slots=True)
class QaAnswer:
    """What the model answers to one question.

    Attributes:
        answers: The likeliest first; none where the tokenizer finds nothing in the context.
        tokens: Tokens that were read: all of all windows, special ones included.
    """

    answers: tuple[PredictedAnswer, ...]
    tokens: int


@torch.inference_mode()
def answer(learner: QaLearner, readings: Sequence[Reading], *, top_k: int) -> list[QaAnswer]:
    """Answer questions in their order.

    Args:
        learner: Its model is put in evaluation mode.
        readings: Any number, of any length.
        top_k: Answers to rank.
    """
    learner.model.eval()
    return [found for group in _groups(readings) for found in _answer_group(learner, group, top_k)]


@dataclass(frozen=True, slots=True)
class _Place:
    """A window that is yet to be made; its length is its tokens.

    Attributes:
        reading: Index of the reading it is of.
        window: Tokens of the context.
        tokens: With the question and the special ones.
    """

    reading: int
    window: range
    tokens: int

    def __len__(self) -> int:
        return self.tokens


def _groups(readings: Sequence[Reading]) -> Iterator[list[Reading]]:
    """Part readings into runs of at most `GROUP_TOKENS`; one reading alone may have more."""
    group: list[Reading] = []
    held = 0
    for reading in readings:
        if group and held + len(reading.tokens) > GROUP_TOKENS:
            yield group
            group, held = [], 0
        group.append(reading)
        held += len(reading.tokens)
    if group:
        yield group


def _answer_group(learner: QaLearner, group: Sequence[Reading], top_k: int) -> list[QaAnswer]:
    """Answer a few readings; windows of like length pass through the model together."""
    bands = [SpanScores(reading.context, reading.tokens) for reading in group]
    places = [
        _Place(index, window, reading.window_tokens(window))
        for index, reading in enumerate(group)
        for window in reading.windows
        if len(window)  # there is nothing to find where the tokenizer finds nothing
    ]
    for indices in length_batches(places, max_tokens=BATCH_TOKENS):
        _score(learner, group, [places[index] for index in indices], bands)
    return [QaAnswer(band.answers(top_k), len(reading)) for reading, band in zip(group, bands, strict=True)]


def _score(
    learner: QaLearner, group: Sequence[Reading], places: Sequence[_Place], bands: Sequence[SpanScores]
) -> None:
    """Pass windows through the model and add what it says to the bands of their readings."""
    features = [group[place.reading].features(place.window) for place in places]
    scores = learner.network.scores(learner.batch(features))
    start_logits, end_logits = (one.float().cpu() for one in scores)  # [batch, tokens] each
    for row, (place, one) in enumerate(zip(places, features, strict=True)):
        context = slice(one.context.start, one.context.stop)
        bands[place.reading].add(place.window, start_logits[row, context], end_logits[row, context])
