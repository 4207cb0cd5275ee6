"""Layout of question, context and special tokens in an encoder's input."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from transformers import PreTrainedTokenizerBase

Parts: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Values of the special tokens before the question, between question and context, and after the context."""


@dataclass(frozen=True, slots=True)
class PairLayout:
    """The special tokens of an encoder's pair input, such as `[CLS] question [SEP] context [SEP]`.

    Attributes:
        special_ids: Ids of the special tokens.
        special_types: Token types of the special tokens.
        question_type: Token type of the question's tokens.
        context_type: Token type of the context's tokens.
        has_types: Whether the encoder takes token types.
    """

    special_ids: Parts
    special_types: Parts
    question_type: int
    context_type: int
    has_types: bool

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "PairLayout":
        """Derive the layout from a tokenised pair of texts: every model family has its own."""
        probe = tokenizer("x", "x", return_token_type_ids=True)
        sequence_ids = probe.sequence_ids(0)  # None on special tokens, 0 on the question, 1 on the context
        question, context = sequence_ids.index(0), sequence_ids.index(1)
        cuts = (question, question + sequence_ids.count(0), context, context + sequence_ids.count(1))
        types = probe["token_type_ids"]
        return cls(
            special_ids=_outside(probe["input_ids"], cuts),
            special_types=_outside(types, cuts),
            question_type=types[question],
            context_type=types[context],
            has_types="token_type_ids" in tokenizer.model_input_names,
        )

    @property
    def special_count(self) -> int:
        """Number of special tokens in a window."""
        return sum(len(part) for part in self.special_ids)

    def context_start(self, question: int) -> int:
        """Return the index of the context's first token after a question of `question` tokens."""
        return len(self.special_ids[0]) + question + len(self.special_ids[1])

    def input_ids(self, question: Sequence[int], context: Sequence[int]) -> tuple[int, ...]:
        """Return the token ids of a window."""
        return _joined(self.special_ids, question, context)

    def token_types(self, question: int, context: int) -> tuple[int, ...]:
        """Return the token types of a window with so many tokens; empty if the encoder takes none."""
        if not self.has_types:
            return ()
        return _joined(self.special_types, [self.question_type] * question, [self.context_type] * context)


def _outside(values: Sequence[int], cuts: tuple[int, int, int, int]) -> Parts:
    """Return the values outside the two texts.

    Args:
        values: One per token.
        cuts: First token of the question, one past its last, and the same of the context.
    """
    question, question_end, context, context_end = cuts
    return tuple(values[:question]), tuple(values[question_end:context]), tuple(values[context_end:])


def _joined(parts: Parts, question: Sequence[int], context: Sequence[int]) -> tuple[int, ...]:
    before, between, after = parts
    return (*before, *question, *between, *context, *after)
