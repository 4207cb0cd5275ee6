"""Training of only those word embeddings that occur in the data.

A multilingual vocabulary is most of a small encoder, and a run uses a few thousand of its rows. The others
get no gradient, yet a dense optimiser stores two moments for each, weight decay shrinks them, and an inner
loop copies them. So a run trains a smaller embedding with the rows it uses, and writes them back at the end.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

ABSENT = -1


class SparseEmbedding(nn.Module):
    """Some rows of an embedding, indexed by the original token ids; any other id is an `IndexError`.

    Args:
        full: The full embedding matrix, [vocabulary, width].
        used: Token ids of the rows to copy, ascending.
        padding: Token id that gets no gradient, or None.
    """

    row_of_id: Tensor

    def __init__(self, full: Tensor, used: Tensor, padding: int | None) -> None:
        super().__init__()
        row_of_id = torch.full((len(full),), ABSENT, device=full.device)  # [vocabulary]
        row_of_id[used] = torch.arange(len(used), device=full.device)
        self.register_buffer("row_of_id", row_of_id, persistent=False)
        self.weight = nn.Parameter(full[used].detach().clone())  # [used, width]
        self._padding = None if padding is None else int(row_of_id[padding])

    def forward(self, ids: Tensor) -> Tensor:
        """Return embeddings [..., width] of token ids [...]."""
        return functional.embedding(self.row_of_id[ids], self.weight, padding_idx=self._padding)


@contextmanager
def restricted_embeddings(encoder: PreTrainedModel, ids: Iterable[int]) -> Iterator[None]:
    """Restrict an encoder to the embeddings of some tokens, and restore the full matrix on exit.

    On exit the trained rows are written back. An optimiser created inside sees the small embedding, and must
    not be used afterwards.

    Args:
        encoder: Any Hugging Face encoder.
        ids: Ids of all tokens in the data; the padding token is added.
    """
    full = encoder.get_input_embeddings()
    assert isinstance(full, nn.Embedding)
    padding = () if full.padding_idx is None else (full.padding_idx,)
    used = torch.tensor(sorted({*ids, *padding}), device=full.weight.device)
    sparse = SparseEmbedding(full.weight, used, full.padding_idx)
    sparse.weight.requires_grad_(full.weight.requires_grad)
    encoder.set_input_embeddings(sparse)
    try:
        yield
    finally:
        with torch.no_grad():
            full.weight[used] = sparse.weight
        encoder.set_input_embeddings(full)
