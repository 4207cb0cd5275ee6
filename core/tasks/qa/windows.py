"""Windows over a context that is longer than an encoder reads."""

from collections.abc import Sequence


def context_windows(tokens: int, *, room: int, overlap: int) -> tuple[range, ...]:
    """Return windows that hold every token of a context, in its order.

    Args:
        tokens: Of the context; 0 has one window with nothing in it.
        room: Tokens of the context that a window holds; at least 1.
        overlap: Tokens that a window repeats from the one before it (Hugging Face's `stride`). Fewer
            where the room is so small that windows would not get on.
    """
    step = max(1, room - overlap)
    repeated = room - step
    return tuple(
        range(first, min(first + room, tokens)) for first in range(0, max(1, tokens - repeated), step)
    )


def training_window(windows: Sequence[range], first: int, last: int) -> range:
    """Return the window to learn an answer from.

    A window that does not hold the answer is ignored (X-METRA-ADA, section 2.2); of those that do, the
    one with most context on the answer's nearer side tells most about it. An answer that none holds as
    a whole is learnt from the window that has its beginning and the most of it.

    Args:
        windows: Those of `context_windows`.
        first: The answer's first token.
        last: Its last one.
    """
    whole = [window for window in windows if first in window and last in window]
    if whole:
        return max(whole, key=lambda window: min(first - window.start, window.stop - 1 - last))
    return [window for window in windows if first in window][-1]
