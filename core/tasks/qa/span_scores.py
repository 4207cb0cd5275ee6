"""Scores of all answer spans of one context: a band along the diagonal of start × end."""

import torch
from torch import Tensor
from torch.nn import functional

from core.contracts.qa_predictions import PredictedAnswer
from core.tasks.qa.tokens import ContextTokens

MAX_ANSWER_TOKENS = 30
"""Maximum length of an answer; all but a few of SQuAD's and TyDiQA's are shorter."""


class SpanScores:
    """Scores of spans, collected window by window: [tokens, `MAX_ANSWER_TOKENS`] by first token and length.

    Args:
        context: The context.
        tokens: Its tokens.
    """

    def __init__(self, context: str, tokens: ContextTokens) -> None:
        self._context = context
        self._tokens = tokens
        self._scores = torch.full((len(tokens), MAX_ANSWER_TOKENS), -torch.inf)

    def add(self, window: range, start_logits: Tensor, end_logits: Tensor) -> None:
        """Add a window's scores; a span in several windows has the best of its scores.

        Args:
            window: Tokens of the context in the window; at least one.
            start_logits: [window].
            end_logits: [window].
        """
        scores = start_logits.unsqueeze(1) + _by_length(end_logits, -torch.inf)  # [window, lengths]
        rows = self._scores[window.start : window.stop]
        torch.maximum(rows, scores, out=rows)

    def answers(self, top_k: int) -> tuple[PredictedAnswer, ...]:
        """Return at most `top_k` answers, the most probable first.

        A score is the softmax over all spans of all windows, the normalisation that is shared by the parts
        of a document (Clark and Gardner 2018): scores of one context can be compared, and all of them
        add up to 1. Spans that overlap a better answer, or have the same text but for case, are dropped, and
        their probabilities are not added to it: the ranking is that of single spans, whatever `top_k`.
        """
        if not len(self._tokens):
            return ()
        starts = self._tokens.starts  # [tokens]
        ends = _by_length(self._tokens.ends, 0)  # [tokens, lengths]
        scores = self._scores.masked_fill(ends <= starts.unsqueeze(1), -torch.inf)  # nothing visible
        total = scores.flatten().logsumexp(0)
        folded = _folded(self._context)
        answers: list[PredictedAnswer] = []
        while len(answers) < top_k:
            best, index = scores.flatten().max(0)
            # All spans are dropped, or the scores are NaN.
            if not best > -torch.inf:
                break
            first, length = divmod(int(index), MAX_ANSWER_TOKENS)
            start, end = int(starts[first]), int(ends[first, length])
            score = min(1.0, float((best - total).exp()))
            answers.append(PredictedAnswer(text=self._context[start:end], start=start, end=end, score=score))
            _drop_overlapping(scores, starts, ends, start, end)
            _drop_equal_texts(scores, starts, ends, folded, answers[-1])
        return tuple(answers)


def _by_length(values: Tensor, beyond: float) -> Tensor:
    """Return the values at the last token of every span: a view, [tokens, lengths] by first token and length.

    Args:
        values: [tokens]; at least one.
        beyond: The value beyond the last token.
    """
    padded = functional.pad(values, (0, MAX_ANSWER_TOKENS - 1), value=beyond)
    return padded.unfold(0, MAX_ANSWER_TOKENS, 1)


def _drop_overlapping(scores: Tensor, starts: Tensor, ends: Tensor, start: int, end: int) -> None:
    """Exclude all spans that overlap an answer, in place."""
    rows = ((starts < end) & (ends.amax(1) > start)).nonzero().squeeze(1)  # [rows]
    scores[rows] = scores[rows].masked_fill(ends[rows] > start, -torch.inf)


def _drop_equal_texts(
    scores: Tensor, starts: Tensor, ends: Tensor, folded: str, answer: PredictedAnswer
) -> None:
    """Exclude all spans with the text of an answer but for case, in place.

    Args:
        scores: [tokens, lengths].
        starts: [tokens].
        ends: [tokens, lengths].
        folded: The case-folded context.
        answer: An answer that was selected already.
    """
    size = answer.end - answer.start
    text = folded[answer.start : answer.end]
    same_length = (ends - starts.unsqueeze(1)) == size  # [tokens, lengths]
    candidates = same_length.any(1).nonzero().squeeze(1)  # [candidates]
    is_equal = [folded.startswith(text, start) for start in starts[candidates].tolist()]
    equal = candidates[torch.tensor(is_equal, dtype=torch.bool)]
    scores[equal] = scores[equal].masked_fill(same_length[equal], -torch.inf)


def _folded(text: str) -> str:
    """Return the case-folded text of the same length: a character that folds to several is not folded."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(fold if len(fold := character.casefold()) == 1 else character for character in text)
