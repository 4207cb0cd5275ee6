"""Sliding windows over a context that is longer than the encoder's input."""

from collections.abc import Sequence


def context_windows(tokens: int, *, room: int, overlap: int) -> tuple[range, ...]:
    """Return windows that cover all tokens of a context, in order.

    Args:
        tokens: Number of tokens of the context; 0 gives one empty window.
        room: Number of context tokens that a window holds; at least 1.
        overlap: Number of tokens that neighbouring windows share (Hugging Face's `stride`); reduced to
            `room - 1` if it is larger, so that every window starts after the previous one.
    """
    step = max(1, room - overlap)
    repeated = room - step
    return tuple(
        range(first, min(first + room, tokens)) for first in range(0, max(1, tokens - repeated), step)
    )


def training_window(windows: Sequence[range], first: int, last: int) -> range:
    """Return the window that an answer is trained on.

    Windows without the answer are ignored (X-METRA-ADA, section 2.2); of those that contain it, the
    one with most context on the answer's shorter side is the most informative. An answer that no window
    contains as a whole is trained on the window with its start and the largest part of it.

    Args:
        windows: Windows of `context_windows`.
        first: First token of the answer.
        last: Last token of the answer.
    """
    whole = [window for window in windows if first in window and last in window]
    if whole:
        return max(whole, key=lambda window: min(first - window.start, window.stop - 1 - last))
    return [window for window in windows if first in window][-1]
