"""Texts as tensors: token ids, the units that carry tags, and the labels as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import torch
from torch import Tensor

from core.contracts.examples import MtodExample
from core.encoders.loading import Encoder
from core.errors import Fault, InvalidInput
from core.tasks.batches import on_device, pad_sequences, padded
from core.tasks.mtod.labels import LabelSet, Unit, tag_units
from core.tasks.mtod.units import TokenSpan, split_units
from core.tasks.tokenization import Piece, PieceReader, without_space

IGNORED_INTENT = -100
"""The intent of a text whose intent is not known; cross-entropy passes over it."""


@dataclass(frozen=True, slots=True)
class Features:
    """One utterance, ready to be collated.

    Attributes:
        text: The utterance.
        input_ids: Token ids with the special tokens.
        units: Character offsets of what carries tags; never empty.
        unit_tokens: For each unit the index of its first token in `input_ids`.
        intent: The intent's number, or `IGNORED_INTENT`.
        tags: One tag number a unit.
        states: What the encoder makes of it, once that is known: the state of the whole text, then each
            unit's, [1 + units, width].
    """

    text: str
    input_ids: tuple[int, ...]
    units: tuple[Unit, ...]
    unit_tokens: tuple[int, ...]
    intent: int = IGNORED_INTENT
    tags: tuple[int, ...] = ()
    states: Tensor | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class Batch:
    """Utterances as padded tensors.

    Attributes:
        input_ids: [batch, tokens], padded with the tokenizer's padding id.
        attention_mask: [batch, tokens], 1 on real tokens.
        unit_tokens: [batch, units], index of each unit's first token, 0 on padding.
        unit_mask: [batch, units], true on real units; the first is always true.
        intents: [batch].
        tags: [batch, units], 0 on padding.
        states: [batch, 1 + units, width], 0 on padding; None where the encoder is yet to be asked.
    """

    input_ids: Tensor
    attention_mask: Tensor
    unit_tokens: Tensor
    unit_mask: Tensor
    intents: Tensor
    tags: Tensor
    states: Tensor | None = None

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on a device."""
        return on_device(self, device)


class Featurizer:
    """Turns utterances into features with one encoder's tokenizer.

    Args:
        encoder: Its tokenizer, its window and its name for messages.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._reader = PieceReader(encoder)
        self._max_tokens = encoder.max_tokens
        self.padding = self._reader.padding

    def texts(self, texts: Sequence[str], tokens: Sequence[Sequence[str] | None] = ()) -> list[Features]:
        """Tokenise texts.

        Args:
            texts: At least one character each.
            tokens: For each text the units it brings itself, or None.

        Raises:
            InvalidInput: A text is longer than the encoder's window; the pointer is its index.
        """
        given = tokens or [None] * len(texts)
        read = self._reader.read(texts, special_tokens=True)
        features = [
            self._one(text, pieces, units) for text, pieces, units in zip(texts, read, given, strict=True)
        ]
        faults = [
            Fault(f"/{index}", f"the text has {len(one)} tokens; this encoder reads {self._max_tokens}")
            for index, one in enumerate(features)
            if len(one) > self._max_tokens
        ]
        if faults:
            raise InvalidInput(faults)
        return features

    def examples(self, examples: Sequence[MtodExample], labels: LabelSet) -> list[Features]:
        """Tokenise labelled utterances; labels outside `labels` are left out of the targets."""
        plain = self.texts([one.text for one in examples], [one.tokens for one in examples])
        return [
            replace(
                features,
                intent=labels.intent_ids.get(example.intent, IGNORED_INTENT),
                tags=tuple(tag_units(features.units, example.slots, labels)),
            )
            for features, example in zip(plain, examples, strict=True)
        ]

    def collate(self, features: Sequence[Features]) -> Batch:
        """Pad features to one batch of tensors on the CPU."""
        ids = [one.input_ids for one in features]
        units = [one.unit_tokens for one in features]
        input_ids = pad_sequences(ids, self.padding)  # [batch, tokens]
        attention_mask = pad_sequences([[1] * len(one) for one in ids], 0)  # [batch, tokens]
        unit_tokens = pad_sequences(units, 0)  # [batch, units]
        unit_mask = pad_sequences([[1] * len(one) for one in units], 0).bool()  # [batch, units]
        tags = pad_sequences([one.tags or [0] * len(one.units) for one in features], 0)  # [batch, units]
        intents = torch.tensor([one.intent for one in features])  # [batch]
        return Batch(
            input_ids,
            attention_mask,
            unit_tokens,
            unit_mask,
            intents,
            tags,
            padded(one.states for one in features),
        )

    def _one(self, text: str, pieces: Sequence[Piece], given: Sequence[str] | None) -> Features:
        """Assemble one text's features from its tokens."""
        units, owners = split_units(text, self._token_spans(text, pieces), given)
        if not units:
            # Nothing the tokenizer kept (zero-width characters only): the first token speaks for the text.
            units, owners = [(0, len(text))], [0]
        return Features(text, tuple(piece.number for piece in pieces), tuple(units), tuple(owners))

    def _token_spans(self, text: str, pieces: Sequence[Piece]) -> list[TokenSpan]:
        """Return the tokens that cover characters of their own.

        A word mark that stands alone claims the character after it, whose token is the next one.
        """
        spans = [
            TokenSpan(index, *trimmed)
            for index, piece in enumerate(pieces)
            if (trimmed := without_space(text, piece.start, piece.end)) is not None
        ]
        return [
            span
            for span, following in zip_longest(spans, spans[1:])
            if pieces[span.index].number != self._reader.mark
            or following is None
            or following.start >= span.end
        ]
