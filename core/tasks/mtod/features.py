"""Features of utterances: token ids, units that carry tags, label numbers, and padded batches of these."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import torch
from torch import Tensor

from core.contracts.examples import MtodExample
from core.encoders.loading import Encoder
from core.errors import Fault, InvalidInput
from core.tasks.batches import move_to_device, pad_sequences, pad_states
from core.tasks.mtod.labels import LabelSet, Unit, tag_units
from core.tasks.mtod.units import TokenSpan, split_units
from core.tasks.tokenization import OffsetTokenizer, Token, trim_whitespace

IGNORED_INTENT = -100
"""The intent number of a text whose intent is unknown; cross-entropy ignores it."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one utterance, before padding.

    Attributes:
        text: The utterance.
        input_ids: Token ids with the special tokens.
        units: Character offsets of the units that carry tags; never empty.
        unit_tokens: For each unit the index of its first token in `input_ids`.
        intent: Number of the intent, or `IGNORED_INTENT`.
        tags: One tag number per unit.
        states: Encoder states of the whole text and of each unit, [1 + units, width]; None if not cached.
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
        states: [batch, 1 + units, width], 0 on padding; None if encoder states are not cached.
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
        return move_to_device(self, device)


class Featurizer:
    """Converts utterances to features with an encoder's tokenizer.

    Args:
        encoder: The encoder whose tokenizer and window are used.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._tokenizer = OffsetTokenizer(encoder)
        self._max_tokens = encoder.max_tokens
        self.padding = self._tokenizer.padding

    def texts(self, texts: Sequence[str], words: Sequence[Sequence[str] | None] = ()) -> list[Features]:
        """Tokenise texts.

        Args:
            texts: At least one character each.
            words: For each text its own tokens, which become its units, or None to segment by script.

        Raises:
            InvalidInput: A text is longer than the encoder's window; the pointer is its index.
        """
        tokenized = self._tokenizer.tokenize(texts, special_tokens=True)
        features = [
            self._text_features(text, tokens, text_words)
            for text, tokens, text_words in zip(texts, tokenized, words or [None] * len(texts), strict=True)
        ]
        faults = [
            Fault(f"/{index}", f"the text has {len(example)} tokens; this encoder reads {self._max_tokens}")
            for index, example in enumerate(features)
            if len(example) > self._max_tokens
        ]
        if faults:
            raise InvalidInput(faults)
        return features

    def examples(self, examples: Sequence[MtodExample], labels: LabelSet) -> list[Features]:
        """Tokenise labelled utterances; labels that are not in `labels` are left out of the targets."""
        unlabelled = self.texts(
            [example.text for example in examples], [example.tokens for example in examples]
        )
        return [
            replace(
                features,
                intent=labels.intent_ids.get(example.intent, IGNORED_INTENT),
                tags=tuple(tag_units(features.units, example.slots, labels)),
            )
            for features, example in zip(unlabelled, examples, strict=True)
        ]

    def collate(self, features: Sequence[Features]) -> Batch:
        """Pad features to one batch of tensors on the CPU."""
        ids = [example.input_ids for example in features]
        first_tokens = [example.unit_tokens for example in features]
        input_ids = pad_sequences(ids, self.padding)  # [batch, tokens]
        attention_mask = pad_sequences([[1] * len(row) for row in ids], 0)  # [batch, tokens]
        unit_tokens = pad_sequences(first_tokens, 0)  # [batch, units]
        unit_mask = pad_sequences([[1] * len(row) for row in first_tokens], 0).bool()  # [batch, units]
        tags = pad_sequences([example.tags or [0] * len(example.units) for example in features], 0)
        intents = torch.tensor([example.intent for example in features])  # [batch]
        return Batch(
            input_ids,
            attention_mask,
            unit_tokens,
            unit_mask,
            intents,
            tags,  # [batch, units]
            pad_states(example.states for example in features),
        )

    def _text_features(self, text: str, tokens: Sequence[Token], words: Sequence[str] | None) -> Features:
        """Return one text's features from its tokens."""
        units, first_tokens = split_units(text, self._token_spans(text, tokens), words)
        if not units:
            # Only characters that the tokenizer drops (zero-width ones): the first token represents the text.
            units, first_tokens = [(0, len(text))], [0]
        return Features(text, tuple(token.id for token in tokens), tuple(units), tuple(first_tokens))

    def _token_spans(self, text: str, tokens: Sequence[Token]) -> list[TokenSpan]:
        """Return the spans of the tokens that cover characters.

        The offsets of a lone word mark are those of the character after it, which the next token covers.
        """
        spans = [
            TokenSpan(index, *offsets)
            for index, token in enumerate(tokens)
            if (offsets := trim_whitespace(text, token.start, token.end)) is not None
        ]
        return [
            span
            for span, following in zip_longest(spans, spans[1:])
            if tokens[span.index].id != self._tokenizer.word_mark_id
            or following is None
            or following.start >= span.end
        ]
