"""Decoding of answers: windows of many contexts in batches, and one ranking of spans per context."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from core.contracts.qa_predictions import PredictedAnswer
from core.tasks.batches import length_batches
from core.tasks.qa.features import TokenizedQuestion
from core.tasks.qa.learner import QaLearner
from core.tasks.qa.span_scores import SpanScores

BATCH_TOKENS = 8_192
"""Tokens in one forward pass, padding included: bounds memory whatever the contexts."""

GROUP_TOKENS = 65_536
"""Tokens of the contexts that are scored together: bounds their span scores, 120 bytes a token."""


@dataclass(frozen=True, slots=True)
class QaAnswer:
    """The model's answers to one question.

    Attributes:
        answers: Ranked answers, the most probable first; none if the context has no tokens.
        tokens: Number of encoded tokens: those of all windows, special ones included.
    """

    answers: tuple[PredictedAnswer, ...]
    tokens: int


@torch.inference_mode()
def answer(learner: QaLearner, questions: Sequence[TokenizedQuestion], *, top_k: int) -> list[QaAnswer]:
    """Answer questions.

    Args:
        learner: The model; put in evaluation mode.
        questions: Any number of questions, with contexts of any length.
        top_k: Number of answers to rank.

    Returns:
        One `QaAnswer` per question, in the order of the questions.
    """
    learner.model.eval()
    return [ranked for group in _groups(questions) for ranked in _answer_group(learner, group, top_k)]


@dataclass(frozen=True, slots=True)
class _Window:
    """A window whose features are not built yet; its length is its number of tokens.

    Attributes:
        question: Index of its question in the group.
        context: Tokens of the context in the window.
        tokens: Number of tokens, with the question and the special ones.
    """

    question: int
    context: range
    tokens: int

    def __len__(self) -> int:
        return self.tokens


def _groups(questions: Sequence[TokenizedQuestion]) -> Iterator[list[TokenizedQuestion]]:
    """Split questions into runs of at most `GROUP_TOKENS` context tokens; a single one may have more."""
    group: list[TokenizedQuestion] = []
    group_tokens = 0
    for question in questions:
        if group and group_tokens + len(question.tokens) > GROUP_TOKENS:
            yield group
            group, group_tokens = [], 0
        group.append(question)
        group_tokens += len(question.tokens)
    if group:
        yield group


def _answer_group(learner: QaLearner, group: Sequence[TokenizedQuestion], top_k: int) -> list[QaAnswer]:
    """Answer a group of questions; windows of similar length pass through the model together."""
    span_scores = [SpanScores(question.context, question.tokens) for question in group]
    windows = [
        _Window(index, window, question.window_tokens(window))
        for index, question in enumerate(group)
        for window in question.windows
        if len(window)  # a context without tokens has one empty window and no answer
    ]
    for indices in length_batches(windows, max_tokens=BATCH_TOKENS):
        _score(learner, group, [windows[index] for index in indices], span_scores)
    return [
        QaAnswer(scores.answers(top_k), len(question))
        for question, scores in zip(group, span_scores, strict=True)
    ]


def _score(
    learner: QaLearner,
    group: Sequence[TokenizedQuestion],
    windows: Sequence[_Window],
    span_scores: Sequence[SpanScores],
) -> None:
    """Pass windows through the model and add their logits to the span scores of their questions."""
    features = [group[window.question].features(window.context) for window in windows]
    logits = learner.network.scores(learner.batch(features))
    start_logits, end_logits = (tensor.float().cpu() for tensor in logits)  # [batch, tokens] each
    for row, (window, window_features) in enumerate(zip(windows, features, strict=True)):
        columns = slice(window_features.context.start, window_features.context.stop)
        span_scores[window.question].add(window.context, start_logits[row, columns], end_logits[row, columns])
