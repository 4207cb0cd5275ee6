"""Questions and contexts as tensors: windows, their token ids, and answers as token indices."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from core.contracts.questions import QaExample
from core.encoders.loading import Encoder
from core.errors import Fault, InvalidInput
from core.tasks.batches import on_device, pad_sequences, padded
from core.tasks.qa.layout import PairLayout
from core.tasks.qa.tokens import Tokens
from core.tasks.qa.windows import context_windows, training_window
from core.tasks.tokenization import PieceReader

WINDOW_TOKENS = 384
"""Tokens of a window, special ones included, unless the encoder reads fewer; the paper's."""

SHARES = 3
"""What a third of a window is for: a question at most, and what two windows share (128 of 384, as the paper).

The paper cuts a question at 64 tokens; none is cut here, and a script that is read by bytes needs more.
"""

NO_ANSWER = -100
"""The token index of an answer that is not known; cross-entropy passes over it."""


class Asked(Protocol):
    """What a user asks: an example, a request's question, or anything like them."""

    @property
    def question(self) -> str:
        """At least one character."""

    @property
    def context(self) -> str:
        """The text that holds the answer."""


@dataclass(frozen=True, slots=True)
class Features:
    """One window, ready to be collated.

    Attributes:
        input_ids: Token ids with the special tokens.
        token_type_ids: Beside them; empty where the encoder reads none.
        context: Indices of the context's tokens.
        start: Index of the answer's first token, or `NO_ANSWER`.
        end: Index of the answer's last token, or `NO_ANSWER`.
        states: What the encoder makes of each token, once that is known, [tokens, width].
    """

    input_ids: tuple[int, ...]
    token_type_ids: tuple[int, ...]
    context: range
    start: int = NO_ANSWER
    end: int = NO_ANSWER
    states: Tensor | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One question with its context, tokenised once; the windows are made when they are wanted.

    Attributes:
        context: The context's text.
        question_ids: Token ids of the question.
        tokens: Of the context.
        windows: Ranges of `tokens`; never none, but the only one may hold nothing.
        layout: How question and context are put together.
    """

    context: str
    question_ids: tuple[int, ...]
    tokens: Tokens
    windows: tuple[range, ...]
    layout: PairLayout

    def __len__(self) -> int:
        """Return the tokens that an encoder reads, special ones included and repeated ones counted again."""
        return sum(self.window_tokens(window) for window in self.windows)

    def window_tokens(self, window: range) -> int:
        """Return the tokens of a window, special ones included."""
        return self.layout.special + len(self.question_ids) + len(window)

    def features(self, window: range, answer: tuple[int, int] | None = None) -> Features:
        """Return a window's features.

        Args:
            window: One of this reading's.
            answer: First and last token of the answer in the context; the first is in the window, and what
                is beyond it is cut off.
        """
        asked, context = len(self.question_ids), self.tokens.ids[window.start : window.stop]
        offset = self.layout.context_start(asked)
        first, last = answer or (NO_ANSWER, NO_ANSWER)
        shift = offset - window.start if answer else 0
        return Features(
            input_ids=self.layout.input_ids(self.question_ids, context.tolist()),
            token_type_ids=self.layout.token_types(asked, len(window)),
            context=range(offset, offset + len(window)),
            start=first + shift,
            end=min(last, window.stop - 1) + shift,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows as padded tensors.

    Attributes:
        input_ids: [batch, tokens], padded with the tokenizer's padding id.
        attention_mask: [batch, tokens], 1 on real tokens.
        token_types: [batch, tokens], 0 on padding; None where the encoder reads none.
        context_mask: [batch, tokens], true on the context's tokens.
        starts: [batch], index of each answer's first token, or `NO_ANSWER`.
        ends: [batch], index of each answer's last token, or `NO_ANSWER`.
        states: [batch, tokens, width], 0 on padding; None where the encoder is yet to be asked.
    """

    input_ids: Tensor
    attention_mask: Tensor
    token_types: Tensor | None
    context_mask: Tensor
    starts: Tensor
    ends: Tensor
    states: Tensor | None = None

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on a device."""
        return on_device(self, device)


class Featurizer:
    """Turns questions and contexts into features with one encoder's tokenizer.

    Args:
        encoder: Its tokenizer and its window.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._reader = PieceReader(encoder)
        self._layout = PairLayout.of(encoder.tokenizer)
        self._window = min(WINDOW_TOKENS, encoder.max_tokens)
        self.padding = self._reader.padding

    def questions(self, asked: Sequence[Asked]) -> list[Reading]:
        """Tokenise questions and contexts of any length.

        Raises:
            InvalidInput: A question has more tokens than a third of a window; the pointer begins with its
                index.
        """
        question_ids = self._question_ids(asked)
        _raise_any(self._too_long(question_ids))
        return self._readings(asked, question_ids, self._contexts(asked))

    def examples(self, examples: Sequence[QaExample]) -> list[Features]:
        """Tokenise answered questions: of each the window to learn its first answer from.

        Raises:
            InvalidInput: A question is too long, or an answer has only characters that the tokenizer drops;
                all such faults at once.
        """
        question_ids, contexts = self._question_ids(examples), self._contexts(examples)
        answers = [
            tokens.covering(example.answers[0].answer_start, example.answers[0].end)
            for example, tokens in zip(examples, contexts, strict=True)
        ]
        _raise_any([*self._too_long(question_ids), *_unreadable(answers)])
        return [
            reading.features(training_window(reading.windows, *answer), answer)
            for reading, answer in zip(self._readings(examples, question_ids, contexts), answers, strict=True)
            if answer is not None  # as was checked
        ]

    def collate(self, features: Sequence[Features]) -> Batch:
        """Pad windows to one batch of tensors on the CPU."""
        ids = [one.input_ids for one in features]
        types = [one.token_type_ids for one in features] if self._layout.has_types else None
        context_mask = [[place in one.context for place in range(len(one))] for one in features]
        return Batch(
            input_ids=pad_sequences(ids, self.padding),
            attention_mask=pad_sequences([[1] * len(one) for one in ids], 0),
            token_types=pad_sequences(types, 0) if types else None,
            context_mask=pad_sequences(context_mask, 0).bool(),
            starts=torch.tensor([one.start for one in features]),
            ends=torch.tensor([one.end for one in features]),
            states=padded(one.states for one in features),
        )

    def _question_ids(self, asked: Sequence[Asked]) -> list[tuple[int, ...]]:
        read = self._reader.read([one.question for one in asked], special_tokens=False)
        return [tuple(piece.number for piece in pieces) for pieces in read]

    def _too_long(self, question_ids: Sequence[Sequence[int]]) -> list[Fault]:
        longest = self._window // SHARES
        return [
            Fault(f"/{index}/question", f"the question has {len(ids)} tokens; this model reads {longest}")
            for index, ids in enumerate(question_ids)
            if len(ids) > longest
        ]

    def _contexts(self, asked: Sequence[Asked]) -> list[Tokens]:
        """Tokenise every context once, and alone: its pieces take many times the room of its tokens."""
        read: dict[str, Tokens] = {}
        for one in asked:
            if one.context not in read:
                (pieces,) = self._reader.read([one.context], special_tokens=False)
                read[one.context] = Tokens.of(one.context, pieces)
        return [read[one.context] for one in asked]

    def _readings(
        self, asked: Sequence[Asked], question_ids: Sequence[tuple[int, ...]], contexts: Sequence[Tokens]
    ) -> list[Reading]:
        return [
            Reading(one.context, ids, tokens, self._windows(len(tokens), len(ids)), self._layout)
            for one, ids, tokens in zip(asked, question_ids, contexts, strict=True)
        ]

    def _windows(self, context: int, question: int) -> tuple[range, ...]:
        """Return the windows over a context of so many tokens, beside a question of so many."""
        room = self._window - self._layout.special - question
        return context_windows(context, room=room, overlap=self._window // SHARES)


def _unreadable(answers: Sequence[tuple[int, int] | None]) -> list[Fault]:
    return [
        Fault(f"/{index}/answers/0", "the answer has only characters that this model does not read")
        for index, answer in enumerate(answers)
        if answer is None
    ]


def _raise_any(faults: Sequence[Fault]) -> None:
    if faults:
        raise InvalidInput(faults)
