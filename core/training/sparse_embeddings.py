"""Word embeddings in training: only the rows that some text of the data has.

A multilingual vocabulary is most of a small encoder, and a run touches a few thousand of its rows. The
others get no gradient, yet a dense optimiser keeps two moments of each and weight decay shrinks it, and
an inner loop copies it. So a run holds its own rows alone and puts them back at the end.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

ABSENT = -1


class UsedRows(nn.Module):
    """Some rows of an embedding under their old numbers; any other number is an `IndexError`.

    Args:
        whole: All rows, [vocabulary, width].
        used: The numbers of those kept, ascending.
        padding: The number that never gets a gradient, if there is one.
    """

    place: Tensor

    def __init__(self, whole: Tensor, used: Tensor, padding: int | None) -> None:
        super().__init__()
        place = torch.full((len(whole),), ABSENT, device=whole.device)  # [vocabulary]
        place[used] = torch.arange(len(used), device=whole.device)
        self.register_buffer("place", place, persistent=False)
        self.weight = nn.Parameter(whole[used].detach().clone())  # [used, width]
        self._padding = None if padding is None else int(place[padding])

    def forward(self, ids: Tensor) -> Tensor:
        """Return [..., width] for numbers [...]."""
        return functional.embedding(self.place[ids], self.weight, padding_idx=self._padding)


@contextmanager
def used_rows(encoder: PreTrainedModel, ids: Iterable[int]) -> Iterator[None]:
    """Let an encoder hold only the embeddings of some tokens; afterwards all, with what these learnt.

    An optimiser made inside sees the small embedding; nothing made inside may be used afterwards.

    Args:
        encoder: Any Hugging Face encoder.
        ids: Every token that will be met; padding is added.
    """
    whole = encoder.get_input_embeddings()
    assert isinstance(whole, nn.Embedding)
    extra = () if whole.padding_idx is None else (whole.padding_idx,)
    used = torch.tensor(sorted({*ids, *extra}), device=whole.weight.device)
    rows = UsedRows(whole.weight, used, whole.padding_idx)
    rows.weight.requires_grad_(whole.weight.requires_grad)
    encoder.set_input_embeddings(rows)
    try:
        yield
    finally:
        with torch.no_grad():
            whole.weight[used] = rows.weight
        encoder.set_input_embeddings(whole)
