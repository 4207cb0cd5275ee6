"""What the English encoder makes of every English sentence, computed once: the states to be imitated."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from core.encoders.embedded.vocabulary import BEGIN, END
from core.system.atomic_files import whole

BATCH_TOKENS: Final = 3000

Half = NDArray[np.float16]


class TeacherStates:
    """Last-layer states of sentences, in half precision.

    Args:
        states: [all tokens, width]; one sentence after the other, [CLS] and [SEP] included.
        starts: Where each sentence begins, and the end of the last.
    """

    def __init__(self, states: Half, starts: NDArray[np.int64]) -> None:
        self._states = states
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, sentence: int) -> NDArray[np.float32]:
        """Return [tokens, width] of one sentence."""
        start, end = self._starts[sentence : sentence + 2]
        return self._states[start:end].astype(np.float32)

    def pooled(self) -> NDArray[np.float32]:
        """Return the mean state of every sentence, [sentences, width]."""
        means = [self[sentence].mean(axis=0) for sentence in range(len(self))]
        return np.stack(means) if means else np.zeros((0, self._states.shape[1]), np.float32)

    def save(self, path: Path) -> None:
        """Write both arrays; what is there was written whole."""
        with whole(path) as partial:
            np.savez(partial, states=self._states, starts=self._starts)

    @classmethod
    def load(cls, path: Path) -> "TeacherStates":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["states"], arrays["starts"])


def teacher_states(
    model: PreTrainedModel, sentences: Sequence[Sequence[int]], *, tell: Callable[[int], None]
) -> TeacherStates:
    """Run the base over English sentences.

    Args:
        model: The base, in evaluation mode.
        sentences: Piece numbers under the base's tokenizer, without special tokens.
        tell: Told how many sentences are done.
    """
    lengths = np.array([len(sentence) + 2 for sentence in sentences], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    states = np.zeros((int(starts[-1]), int(model.config.hidden_size)), np.float16)
    order = np.argsort(-lengths, kind="stable")
    done = 0
    while done < len(order):
        chosen = order[done : done + max(1, BATCH_TOKENS // int(lengths[order[done]]))]
        ids, mask = padded([sentences[index] for index in chosen])
        with torch.inference_mode():
            found = model(input_ids=ids, attention_mask=mask).last_hidden_state
        for row, index in enumerate(chosen):
            states[starts[index] : starts[index + 1]] = found[row, : lengths[index]].half().numpy()
        done += len(chosen)
        tell(done)
    return TeacherStates(states, starts)


def padded(sentences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return piece numbers with [CLS] and [SEP] and their mask, both [sentences, longest]."""
    rows = [[BEGIN, *sentence, END] for sentence in sentences]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask
