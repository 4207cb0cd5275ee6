"""All spans of one context that can be answers: a band along the diagonal of start × end."""

import torch
from torch import Tensor
from torch.nn import functional

from core.contracts.answers import PredictedAnswer
from core.tasks.qa.tokens import Tokens

MAX_ANSWER_TOKENS = 30
"""Longest answer; SQuAD's and TyDiQA's are shorter but for a few."""


class SpanScores:
    """Scores of spans, gathered window by window: [tokens, `MAX_ANSWER_TOKENS`] by first token and length.

    Args:
        context: The text.
        tokens: Its tokens.
    """

    def __init__(self, context: str, tokens: Tokens) -> None:
        self._context = context
        self._tokens = tokens
        self._scores = torch.full((len(tokens), MAX_ANSWER_TOKENS), -torch.inf)

    def add(self, window: range, start_logits: Tensor, end_logits: Tensor) -> None:
        """Take a window's scores; a span that several windows hold keeps its best.

        Args:
            window: Tokens of the context; at least one.
            start_logits: [window].
            end_logits: [window].
        """
        scores = start_logits.unsqueeze(1) + _by_length(end_logits, -torch.inf)  # [window, lengths]
        rows = self._scores[window.start : window.stop]
        torch.maximum(rows, scores, out=rows)

    def answers(self, top_k: int) -> tuple[PredictedAnswer, ...]:
        """Return the likeliest answers, the likeliest first; fewer than asked for where there are no more.

        A score is the softmax over all spans of all windows, the normalisation that is shared by the parts
        of a document (Clark and Gardner 2018): scores of one context can be compared, and all of them
        add up to 1. Spans that overlap a better answer, or read the same but for case, are dropped, and
        an answer does not inherit their shares: the ranking is that of single spans, whatever `top_k`.
        """
        if not len(self._tokens):
            return ()
        starts = self._tokens.starts  # [tokens]
        ends = _by_length(self._tokens.ends, 0)  # [tokens, lengths]
        scores = self._scores.masked_fill(ends <= starts.unsqueeze(1), -torch.inf)  # what shows nothing
        total = scores.flatten().logsumexp(0)
        folded = _folded(self._context)
        answers: list[PredictedAnswer] = []
        while len(answers) < top_k:
            best, place = scores.flatten().max(0)
            # Nothing is left, or the model's scores are no numbers.
            if not best > -torch.inf:
                break
            first, length = divmod(int(place), MAX_ANSWER_TOKENS)
            start, end = int(starts[first]), int(ends[first, length])
            score = min(1.0, float((best - total).exp()))
            answers.append(PredictedAnswer(text=self._context[start:end], start=start, end=end, score=score))
            _drop_overlapping(scores, starts, ends, start, end)
            _drop_same(scores, starts, ends, folded, answers[-1])
        return tuple(answers)


def _by_length(values: Tensor, beyond: float) -> Tensor:
    """Return for each token the values of the last tokens of its spans: a view, [tokens, lengths].

    Args:
        values: [tokens]; at least one.
        beyond: The value after the last token.
    """
    padded = functional.pad(values, (0, MAX_ANSWER_TOKENS - 1), value=beyond)
    return padded.unfold(0, MAX_ANSWER_TOKENS, 1)


def _drop_overlapping(scores: Tensor, starts: Tensor, ends: Tensor, start: int, end: int) -> None:
    """Take out all spans that share characters with an answer."""
    rows = ((starts < end) & (ends.amax(1) > start)).nonzero().squeeze(1)  # [rows]
    scores[rows] = scores[rows].masked_fill(ends[rows] > start, -torch.inf)


def _drop_same(scores: Tensor, starts: Tensor, ends: Tensor, folded: str, answer: PredictedAnswer) -> None:
    """Take out all spans that read like an answer.

    Args:
        scores: [tokens, lengths].
        starts: [tokens].
        ends: [tokens, lengths].
        folded: The context without differences of case.
        answer: What is taken already.
    """
    size = answer.end - answer.start
    text = folded[answer.start : answer.end]
    as_long = (ends - starts.unsqueeze(1)) == size  # [tokens, lengths]
    candidates = as_long.any(1).nonzero().squeeze(1)  # [candidates]
    places = starts[candidates].tolist()
    same = candidates[torch.tensor([folded.startswith(text, place) for place in places], dtype=torch.bool)]
    scores[same] = scores[same].masked_fill(as_long[same], -torch.inf)


def _folded(text: str) -> str:
    """Return the text case-folded, every character in its place: what has no single folded one stays."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(fold if len(fold := letter.casefold()) == 1 else letter for letter in text)
