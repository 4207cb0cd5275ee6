"""Reference ranking of answers by enumeration of all spans."""

import math
from collections.abc import Sequence

from core.contracts.qa_predictions import PredictedAnswer
from core.tasks.qa.span_scores import MAX_ANSWER_TOKENS
from core.tasks.qa.tokens import ContextTokens

Scored = tuple[range, list[float], list[float]]
"""A window with the start and end logits of its tokens."""


def all_spans(windows: Sequence[Scored]) -> dict[tuple[int, int], float]:
    """Return (first token, last token) → best score of every span within a window."""
    best: dict[tuple[int, int], float] = {}
    for window, starts, ends in windows:
        for first in range(len(window)):
            for last in range(first, min(len(window), first + MAX_ANSWER_TOKENS)):
                span = (window[first], window[last])
                best[span] = max(best.get(span, -math.inf), starts[first] + ends[last])
    return best


def enumerated(
    context: str, tokens: ContextTokens, windows: Sequence[Scored], top_k: int
) -> list[PredictedAnswer]:
    """Return the answers: spans by score, then by position, without overlaps and equal texts."""
    starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
    spans = {
        (first, last): score
        for (first, last), score in all_spans(windows).items()
        if context[starts[first] : ends[last]].strip()
    }
    highest = max(spans.values(), default=0.0)
    total = sum(math.exp(score - highest) for score in spans.values())
    answers: list[PredictedAnswer] = []
    for first, last in sorted(spans, key=lambda span: (-spans[span], span)):
        start, end = starts[first], ends[last]
        text = context[start:end]
        is_dropped = any(
            (start < answer.end and answer.start < end) or answer.text.casefold() == text.casefold()
            for answer in answers
        )
        if not is_dropped and len(answers) < top_k:
            score = math.exp(spans[first, last] - highest) / total
            answers.append(PredictedAnswer(text=text, start=start, end=end, score=score))
    return answers
