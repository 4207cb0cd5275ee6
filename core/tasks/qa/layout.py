"""How an encoder wants a question and a context side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from transformers import PreTrainedTokenizerBase

Parts: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Of the special tokens: what is before the question, between question and context, and after."""


@dataclass(frozen=True, slots=True)
class PairLayout:
    """`[CLS] question [SEP] context [SEP]`, as the tokenizer at hand writes it.

    Attributes:
        special_ids: The special tokens.
        special_types: Their token types.
        question_type: The token type of all of the question.
        context_type: The token type of all of the context.
        has_types: Whether the encoder reads token types.
    """

    special_ids: Parts
    special_types: Parts
    question_type: int
    context_type: int
    has_types: bool

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> "PairLayout":
        """Find the layout by having a pair of texts tokenised: every family has its own."""
        probe = tokenizer("x", "x", return_token_type_ids=True)
        sides = probe.sequence_ids(0)  # None on special tokens, 0 on the question, 1 on the context
        question, context = sides.index(0), sides.index(1)
        cuts = (question, question + sides.count(0), context, context + sides.count(1))
        types = probe["token_type_ids"]
        return cls(
            special_ids=_outside(probe["input_ids"], cuts),
            special_types=_outside(types, cuts),
            question_type=types[question],
            context_type=types[context],
            has_types="token_type_ids" in tokenizer.model_input_names,
        )

    @property
    def special(self) -> int:
        """Special tokens in a window."""
        return sum(len(part) for part in self.special_ids)

    def context_start(self, question: int) -> int:
        """Return the index of the context's first token after a question of so many tokens."""
        return len(self.special_ids[0]) + question + len(self.special_ids[1])

    def input_ids(self, question: Sequence[int], context: Sequence[int]) -> tuple[int, ...]:
        """Return the ids of a window."""
        return _joined(self.special_ids, question, context)

    def token_types(self, question: int, context: int) -> tuple[int, ...]:
        """Return the token types of a window of so many tokens; none for an encoder that reads none."""
        if not self.has_types:
            return ()
        return _joined(self.special_types, [self.question_type] * question, [self.context_type] * context)


def _outside(values: Sequence[int], cuts: tuple[int, int, int, int]) -> Parts:
    """Return what is outside the two texts, which go from the first cut to the second and so on."""
    question, question_end, context, context_end = cuts
    return tuple(values[:question]), tuple(values[question_end:context]), tuple(values[context_end:])


def _joined(parts: Parts, question: Sequence[int], context: Sequence[int]) -> tuple[int, ...]:
    before, between, after = parts
    return (*before, *question, *between, *context, *after)
