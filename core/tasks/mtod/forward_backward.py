"""Dynamic programming over chains: sums and maxima over all tag sequences of a batch.

The recursions are those of Rabiner, "A Tutorial on Hidden Markov Models" (1989), in log space. Rows of
a batch are units followed by padding; the values of the padding do not affect any result.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

SAFE_SPREAD = 30.0
"""Transitions into one tag (for the backward recursion, out of it) that differ by more than this
are not summed by a matrix product.

The product drops addends e^-87 below the best score (float32). With transitions at most 30 apart, the
dropped addends are less than e^-57 of the sum, far below rounding, and the sum is at least e^-30 of the
best, so that the square of its inverse, which second derivatives need, does not overflow.
"""


def check_mask(mask: Tensor) -> None:
    """Check that every row of a batch is one or more units followed by padding.

    Args:
        mask: [batch, units] bool.

    Raises:
        ValueError: The batch is empty, or a row has no unit or padding before a unit; the message names the
            row.
    """
    if not mask.size(0):
        raise ValueError("the batch has no rows")
    if not mask.size(1):
        raise ValueError("row 0 has no units")
    empty = ~mask[:, 0]  # [batch]
    gap = (mask[:, 1:] & ~mask[:, :-1]).any(dim=1)  # [batch]
    broken = empty | gap  # [batch]
    if broken.any():
        row = int(broken.nonzero()[0])
        raise ValueError(f"row {row} has padding before a unit" if gap[row] else f"row {row} has no units")


def forward_scores(emissions: Tensor, mask: Tensor, *, start: Tensor, transitions: Tensor) -> Tensor:
    """Sum all prefixes that end in each tag at each unit, including its emission.

    Args:
        emissions: [batch, units, tags].
        mask: [batch, units] bool.
        start: [tags].
        transitions: [from, to].

    Returns:
        [batch, units, tags] log-sums; the padding repeats those of the last unit.
    """
    # Autocast would round the matrix product to half precision.
    with torch.autocast(emissions.device.type, enabled=False):
        step = _log_matmul(transitions)
        scores = [start + emissions[:, 0]]  # [batch, tags]
        for emission in emissions.unbind(1)[1:]:
            scores.append(step(scores[-1]) + emission)  # [batch, tags]
        # One gather over all units is a third faster than one at each; sums over the padding are discarded.
        place = (mask.cumsum(dim=1) - 1).unsqueeze(2).expand_as(emissions)  # [batch, units, tags]
        return torch.stack(scores, dim=1).gather(1, place)  # [batch, units, tags]


def backward_scores(emissions: Tensor, mask: Tensor, *, transitions: Tensor, end: Tensor) -> Tensor:
    """Sum all suffixes after each tag at each unit, excluding its own emission.

    Args:
        emissions: [batch, units, tags].
        mask: [batch, units] bool.
        transitions: [from, to].
        end: [tags].

    Returns:
        [batch, units, tags] log-sums; ``end`` at the last unit and the padding.
    """
    with torch.autocast(emissions.device.type, enabled=False):
        step = _log_matmul(transitions.T)
        last = end.expand(len(mask), -1)  # [batch, tags]
        scores = [last]
        for emission, valid in reversed(_later_units(emissions, mask)):
            scores.append(torch.where(valid, step(emission + scores[-1]), last))  # [batch, tags]
        return torch.stack(scores[::-1], dim=1)  # [batch, units, tags]


def best_paths(
    emissions: Tensor, mask: Tensor, *, start: Tensor, transitions: Tensor, end: Tensor
) -> list[list[int]]:
    """Find the best tag sequence of every row (Viterbi 1967).

    Args:
        emissions: [batch, units, tags].
        mask: [batch, units] bool.
        start: [tags].
        transitions: [from, to]; -inf forbids.
        end: [tags].

    Returns:
        For each row as many tags as it has units.
    """
    into = transitions.T.contiguous()  # [to, from]; a maximum over the last dimension is fastest
    score = start + emissions[:, 0]  # [batch, tags]
    stay = torch.arange(len(start), device=mask.device)  # [tags]
    pointers = []
    for emission, valid in _later_units(emissions, mask):
        best, origin = (score.unsqueeze(1) + into).max(dim=2)  # both [batch, to]
        score = torch.where(valid, best + emission, score)  # [batch, tags]
        pointers.append(torch.where(valid, origin, stay))  # [batch, to]
    last = (score + end).argmax(dim=1, keepdim=True)  # [batch, 1]
    return _follow(pointers, last, mask)


def _follow(pointers: Sequence[Tensor], last: Tensor, mask: Tensor) -> list[list[int]]:
    """Follow the back-pointers of all rows at once and copy the paths to the CPU in one transfer.

    Args:
        pointers: For each unit but the first, the previous tag of the best path to each tag: [batch, tags].
        last: [batch, 1] the best last tag.
        mask: [batch, units] bool.
    """
    path = [last]
    for origin in reversed(pointers):
        path.append(origin.gather(1, path[-1]))  # [batch, 1]
    tags = torch.cat(path[::-1], dim=1).masked_fill(~mask, -1)  # [batch, units]
    return [[tag for tag in row if tag >= 0] for row in tags.tolist()]


def _later_units(emissions: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return emissions [batch, tags] and validity [batch, 1] of every unit but the first."""
    return list(zip(emissions.unbind(1)[1:], mask.unsqueeze(2).unbind(1)[1:], strict=True))


def _log_matmul(transitions: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the step from scores [batch, from] to the log-sums over all origins [batch, to].

    A matrix product of exponentials takes a third of the time of a log-sum-exp over all pairs, but
    loses small addends if transitions differ hugely; then the log-sum-exp is used.

    Args:
        transitions: [from, to].
    """
    fixed = transitions.detach()
    highest = fixed.amax(dim=0)  # [to]
    if not (highest - fixed.amin(dim=0)).max() <= SAFE_SPREAD:  # also if it is NaN
        return lambda scores: (scores.unsqueeze(2) + transitions).logsumexp(dim=1)
    weights = (transitions - highest).exp()  # [from, to]

    def step(scores: Tensor) -> Tensor:
        # The peak is subtracted here and added back below: a constant, for the derivatives too.
        peak = scores.detach().amax(dim=1, keepdim=True)  # [batch, 1]
        return ((scores - peak).exp() @ weights).log() + highest + peak  # [batch, to]

    return step
