"""Examples of like length together, for passes without gradients."""

from collections.abc import Iterator, Sequence, Sized


def length_batches(features: Sequence[Sized], *, max_tokens: int) -> Iterator[list[int]]:
    """Group indices by length, so that a batch holds little padding and at most `max_tokens` tokens.

    Args:
        features: Anything whose length is its number of tokens.
        max_tokens: Of a batch, padding included; one example alone may have more.
    """
    order = sorted(range(len(features)), key=lambda index: len(features[index]))
    batch: list[int] = []
    for index in order:
        # `order` grows in length, so the newest text is the longest of its batch.
        if batch and len(features[index]) * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
