"""Features of questions: windows of question and context, answers as token indices, and padded batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from core.contracts.qa_examples import QaExample
from core.encoders.loading import Encoder
from core.errors import Fault, InvalidInput
from core.tasks.batches import move_to_device, pad_sequences, pad_states
from core.tasks.qa.layout import PairLayout
from core.tasks.qa.tokens import ContextTokens
from core.tasks.qa.windows import context_windows, training_window
from core.tasks.tokenization import OffsetTokenizer

WINDOW_TOKENS = 384
"""Tokens of a window, special ones included, unless the encoder takes fewer; the paper's."""

PARTS_PER_WINDOW = 3
"""A question takes at most one such part, and windows overlap by one (128 of 384 tokens, as the paper).

The paper truncates a question to 64 tokens. None is truncated here, and a script in byte tokens needs more.
"""

NO_ANSWER = -100
"""The token index of an unknown answer; cross-entropy ignores it."""


class QuestionLike(Protocol):
    """A question with its context, such as an example or an item of a request."""

    @property
    def question(self) -> str:
        """At least one character."""

    @property
    def context(self) -> str:
        """The text that contains the answer."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one window, before padding.

    Attributes:
        input_ids: Token ids with the special tokens.
        token_type_ids: Token types; empty if the encoder takes none.
        context: Indices of the context's tokens.
        start: Index of the answer's first token, or `NO_ANSWER`.
        end: Index of the answer's last token, or `NO_ANSWER`.
        states: Encoder state of each token, [tokens, width]; None if not cached.
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
class TokenizedQuestion:
    """One question with its context, tokenised once; the features of windows are built on demand.

    Attributes:
        context: Text of the context.
        question_ids: Token ids of the question.
        tokens: Tokens of the context.
        windows: Ranges of `tokens`; at least one, which is empty if the context has no tokens.
        layout: Layout of question and context in the encoder's input.
    """

    context: str
    question_ids: tuple[int, ...]
    tokens: ContextTokens
    windows: tuple[range, ...]
    layout: PairLayout

    def __len__(self) -> int:
        """Return the number of encoded tokens, with special tokens and overlaps counted in every window."""
        return sum(self.window_tokens(window) for window in self.windows)

    def window_tokens(self, window: range) -> int:
        """Return the number of tokens of a window, special ones included."""
        return self.layout.special_count + len(self.question_ids) + len(window)

    def features(self, window: range, answer: tuple[int, int] | None = None) -> Features:
        """Return a window's features.

        Args:
            window: One of `windows`.
            answer: First and last token of the answer in the context; the first is in the window, and the
                part beyond the window is cut off.
        """
        question_length = len(self.question_ids)
        context_ids = self.tokens.ids[window.start : window.stop]  # [window]
        offset = self.layout.context_start(question_length)
        first, last = answer or (NO_ANSWER, NO_ANSWER)
        shift = offset - window.start if answer else 0
        return Features(
            input_ids=self.layout.input_ids(self.question_ids, context_ids.tolist()),
            token_type_ids=self.layout.token_types(question_length, len(window)),
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
        token_types: [batch, tokens], 0 on padding; None if the encoder takes none.
        context_mask: [batch, tokens], true on the context's tokens.
        starts: [batch], index of each answer's first token, or `NO_ANSWER`.
        ends: [batch], index of each answer's last token, or `NO_ANSWER`.
        states: [batch, tokens, width], 0 on padding; None if encoder states are not cached.
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
        return move_to_device(self, device)


class Featurizer:
    """Converts questions with contexts to features with an encoder's tokenizer.

    Args:
        encoder: The encoder whose tokenizer and window are used.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._tokenizer = OffsetTokenizer(encoder)
        self._layout = PairLayout.of(encoder.tokenizer)
        self._window = min(WINDOW_TOKENS, encoder.max_tokens)
        self.padding = self._tokenizer.padding

    def questions(self, questions: Sequence[QuestionLike]) -> list[TokenizedQuestion]:
        """Tokenise questions with contexts of any length.

        Raises:
            InvalidInput: A question has more tokens than a third of a window; the pointer starts with its
                index.
        """
        question_ids = self._question_ids(questions)
        _raise_if_any(self._length_faults(question_ids))
        return self._tokenized(questions, question_ids, self._context_tokens(questions))

    def examples(self, examples: Sequence[QaExample]) -> list[Features]:
        """Tokenise labelled questions: of each the window that its first answer is trained on.

        Raises:
            InvalidInput: A question is too long, or an answer has only characters that the tokenizer drops;
                all such faults are collected.
        """
        question_ids, contexts = self._question_ids(examples), self._context_tokens(examples)
        answers = [
            tokens.covering(example.answers[0].answer_start, example.answers[0].end)
            for example, tokens in zip(examples, contexts, strict=True)
        ]
        _raise_if_any([*self._length_faults(question_ids), *_answer_faults(answers)])
        tokenized = self._tokenized(examples, question_ids, contexts)
        return [
            question.features(training_window(question.windows, *answer), answer)
            for question, answer in zip(tokenized, answers, strict=True)
            if answer is not None  # checked above
        ]

    def collate(self, features: Sequence[Features]) -> Batch:
        """Pad windows to one batch of tensors on the CPU."""
        ids = [window.input_ids for window in features]
        types = [window.token_type_ids for window in features] if self._layout.has_types else None
        context_mask = [[index in window.context for index in range(len(window))] for window in features]
        return Batch(
            input_ids=pad_sequences(ids, self.padding),
            attention_mask=pad_sequences([[1] * len(row) for row in ids], 0),
            token_types=pad_sequences(types, 0) if types else None,
            context_mask=pad_sequences(context_mask, 0).bool(),
            starts=torch.tensor([window.start for window in features]),
            ends=torch.tensor([window.end for window in features]),
            states=pad_states(window.states for window in features),
        )

    def _question_ids(self, questions: Sequence[QuestionLike]) -> list[tuple[int, ...]]:
        texts = [question.question for question in questions]
        tokenized = self._tokenizer.tokenize(texts, special_tokens=False)
        return [tuple(token.id for token in tokens) for tokens in tokenized]

    def _length_faults(self, question_ids: Sequence[Sequence[int]]) -> list[Fault]:
        longest = self._window // PARTS_PER_WINDOW
        return [
            Fault(f"/{index}/question", f"the question has {len(ids)} tokens; this model reads {longest}")
            for index, ids in enumerate(question_ids)
            if len(ids) > longest
        ]

    def _context_tokens(self, questions: Sequence[QuestionLike]) -> list[ContextTokens]:
        """Tokenise every distinct context once.

        Contexts are tokenised one by one, because a `Token` takes many times the memory of its tensor row.
        """
        by_context: dict[str, ContextTokens] = {}
        for question in questions:
            if question.context not in by_context:
                (tokens,) = self._tokenizer.tokenize([question.context], special_tokens=False)
                by_context[question.context] = ContextTokens.of(question.context, tokens)
        return [by_context[question.context] for question in questions]

    def _tokenized(
        self,
        questions: Sequence[QuestionLike],
        question_ids: Sequence[tuple[int, ...]],
        contexts: Sequence[ContextTokens],
    ) -> list[TokenizedQuestion]:
        return [
            TokenizedQuestion(
                question.context, ids, tokens, self._windows(len(tokens), len(ids)), self._layout
            )
            for question, ids, tokens in zip(questions, question_ids, contexts, strict=True)
        ]

    def _windows(self, context: int, question: int) -> tuple[range, ...]:
        """Return the windows over a context of `context` tokens, with a question of `question` tokens."""
        room = self._window - self._layout.special_count - question
        return context_windows(context, room=room, overlap=self._window // PARTS_PER_WINDOW)


def _answer_faults(answers: Sequence[tuple[int, int] | None]) -> list[Fault]:
    return [
        Fault(f"/{index}/answers/0", "the answer has only characters that this model does not read")
        for index, answer in enumerate(answers)
        if answer is None
    ]


def _raise_if_any(faults: Sequence[Fault]) -> None:
    if faults:
        raise InvalidInput(faults)
