"""States of the English sentences from the teacher, computed once: the targets of the distillation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from core.encoders.embedded.vocabulary import BEGIN, END
from core.system.atomic_files import atomic_file

BATCH_TOKENS: Final = 3000

Half = NDArray[np.float16]


class TeacherStates:
    """Last-layer states of sentences, in half precision.

    Args:
        states: [all tokens, width]; concatenated sentences, [CLS] and [SEP] included.
        starts: Index of the first token of each sentence, and the number of all tokens.
    """

    def __init__(self, states: Half, starts: NDArray[np.int64]) -> None:
        self._states = states
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, sentence: int) -> NDArray[np.float32]:
        """Return the states of a sentence, [tokens, width]."""
        start, end = self._starts[sentence : sentence + 2]
        return self._states[start:end].astype(np.float32)

    def pooled(self) -> NDArray[np.float32]:
        """Return the mean state of every sentence, [sentences, width]."""
        means = [self[sentence].mean(axis=0) for sentence in range(len(self))]
        return np.stack(means) if means else np.zeros((0, self._states.shape[1]), np.float32)

    def save(self, path: Path) -> None:
        """Write both arrays atomically."""
        with atomic_file(path) as temporary:
            np.savez(temporary, states=self._states, starts=self._starts)

    @classmethod
    def load(cls, path: Path) -> "TeacherStates":
        """Load the states that `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["states"], arrays["starts"])


def teacher_states(
    model: PreTrainedModel, sentences: Sequence[Sequence[int]], *, report: Callable[[int], None]
) -> TeacherStates:
    """Run the base over English sentences.

    Args:
        model: The base, in evaluation mode.
        sentences: Token ids from the base's tokenizer, without special tokens.
        report: Called with the number of finished sentences.
    """
    lengths = np.array([len(sentence) + 2 for sentence in sentences], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    states = np.zeros((int(starts[-1]), int(model.config.hidden_size)), np.float16)
    order = np.argsort(-lengths, kind="stable")
    done = 0
    while done < len(order):
        batch = order[done : done + max(1, BATCH_TOKENS // int(lengths[order[done]]))]
        ids, mask = pad_tokens([sentences[index] for index in batch])
        with torch.inference_mode():
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        for row, index in enumerate(batch):
            states[starts[index] : starts[index + 1]] = hidden[row, : lengths[index]].half().numpy()
        done += len(batch)
        report(done)
    return TeacherStates(states, starts)


def pad_tokens(sentences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return token ids with [CLS] and [SEP], and the attention mask, both [sentences, longest]."""
    rows = [[BEGIN, *sentence, END] for sentence in sentences]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask
