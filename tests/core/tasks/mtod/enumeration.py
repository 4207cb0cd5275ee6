"""Reference results of a CRF by enumeration of every tag sequence."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import torch
from torch import Tensor, nn

from core.tasks.mtod.crf import Crf

LABELS = ("O", "B-time", "I-time", "B-place", "I-place")
OUTSIDE, B_TIME, I_TIME, B_PLACE, I_PLACE = range(5)
LENGTHS = (4, 1, 3)
Path = tuple[int, ...]


def make_crf(*, constrained: bool = False, scale: float = 1.0, labels: Sequence[str] = LABELS) -> Crf:
    generator = torch.Generator().manual_seed(5)
    crf = Crf(labels, constrained=constrained).double()
    with torch.no_grad():
        for parameter in crf.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return crf


def make_batch(
    lengths: Sequence[int] = LENGTHS, *, tags: int = len(LABELS), seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    emissions = 1.5 * torch.randn(*shape, tags, generator=generator, dtype=torch.float64)
    mask = torch.arange(shape[1]) < torch.tensor(lengths).unsqueeze(1)  # [batch, units]
    return emissions, torch.randint(tags, shape, generator=generator), mask


def pad(
    emissions: Tensor, tags: Tensor, mask: Tensor, *, value: float = 7.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Add three units of padding to every row."""
    padding = (0, 3)
    return (
        nn.functional.pad(emissions, (0, 0, *padding), value=value),
        nn.functional.pad(tags, padding, value=-100),
        nn.functional.pad(mask, padding, value=False),
    )


def distribution(crf: Crf, emissions: Tensor) -> dict[Path, float]:
    """Return the probability of every tag sequence, scored term by term; emissions: [units, tags]."""
    # Lists, because indexing single elements of tensors takes ten times as long.
    start, transitions, end = (
        parameter.tolist() for parameter in (crf.start_transitions, crf.transitions, crf.end_transitions)
    )
    unit_scores = emissions.tolist()

    def score(path: Path) -> float:
        total: float = start[path[0]] + end[path[-1]]
        total += sum(unit_scores[unit][tag] for unit, tag in enumerate(path))
        total += sum(transitions[left][right] for left, right in pairwise(path))
        return total

    paths = list(product(range(crf.num_tags), repeat=len(emissions)))
    scores = torch.tensor([score(path) for path in paths], dtype=torch.float64)
    return dict(zip(paths, scores.softmax(0).tolist(), strict=True))


def rows(emissions: Tensor) -> Iterator[tuple[int, Tensor]]:
    for row, length in enumerate(LENGTHS):
        yield row, emissions[row, :length]


def is_bio(path: Path) -> bool:
    previous = "O"
    for tag in path:
        label = LABELS[tag]
        if label.startswith("I-") and previous[2:] != label[2:]:
            return False
        previous = label
    return True
