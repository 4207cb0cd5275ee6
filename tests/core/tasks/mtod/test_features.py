"""Test features of utterances: token ids, window, targets and batches."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertTokenizer

from core.contracts.examples import MtodExample, SlotSpan
from core.encoders.loading import Encoder, load_encoder
from core.errors import InvalidInput
from core.tasks.batches import length_batches
from core.tasks.mtod.features import IGNORED_INTENT, Features, Featurizer
from core.tasks.mtod.labels import LabelSet
from tests.core.tasks.mtod.writing_systems import script_encoder
from tests.core.tiny import WINDOW, english, spanish

LABELS = LabelSet.of(english())
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, "wake", "##s", "me", "ก", "น", "ั", "##ั", "น้", "q", "x", "é", "e\u0301"]

Tokenize: TypeAlias = Callable[[str], tuple[Features, list[str]]]


@pytest.fixture(scope="module")
def encoder(bert_folder: Path) -> Encoder:
    return load_encoder(str(bert_folder))


@pytest.fixture(scope="module")
def bert_featurizer(encoder: Encoder) -> Featurizer:
    return Featurizer(encoder)


@pytest.fixture(scope="module")
def tokenize(encoder: Encoder) -> Tokenize:
    """Tokenise a text with a cased WordPiece of few characters and almost no words."""
    vocabulary = {token: number for number, token in enumerate(VOCABULARY)}
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=False)
    featurizer = Featurizer(replace(encoder, tokenizer=tokenizer, max_tokens=500))

    def tokenize_text(text: str) -> tuple[Features, list[str]]:
        (features,) = featurizer.texts([text])
        return features, [VOCABULARY[number] for number in features.input_ids[1:-1]]

    return tokenize_text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("wakes me", ["wake", "##s", "me"]),
        ("qξx", ["q", "[UNK]", "x"]),
        ("กันξ", ["ก", "##ั", "น", "[UNK]"]),
        ("กน้ก", ["ก", "น้", "ก"]),
        ("ξ", ["[UNK]"]),
        ("qe\u0301x", ["q", "e\u0301", "x"]),
        ("wake " + "q" * 120, ["wake", *("q" * 120)]),
        ("[UNK] q", ["[UNK]"] * 5 + ["q"]),
    ],
)
def test_unknown_word_is_tokenized_by_grapheme_clusters(
    tokenize: Tokenize, text: str, tokens: list[str]
) -> None:
    assert tokenize(text)[1] == tokens


def test_word_tokenized_by_clusters_is_one_unit(tokenize: Tokenize) -> None:
    features, _ = tokenize("me qξx me")

    assert features.units == ((0, 2), (3, 6), (7, 9))
    assert features.unit_tokens == (1, 2, 5)


def test_thai_text_tokenized_by_clusters_has_unit_per_cluster(tokenize: Tokenize) -> None:
    features, _ = tokenize("กันน้ξก")

    assert [features.text[start:end] for start, end in features.units] == ["กั", "น", "น้", "ξ", "ก"]
    assert features.unit_tokens == (1, 3, 4, 5, 6)


def test_cased_vocabulary_keeps_vowel_signs_and_accents(tokenize: Tokenize) -> None:
    assert tokenize("กั")[1] == ["ก", "##ั"]
    assert tokenize("é")[1] == ["é"]


def test_lone_word_mark_is_not_first_token_of_unit(tmp_path: Path) -> None:
    encoder = script_encoder("unigram", tmp_path)
    (features,) = Featurizer(encoder).texts(["hará 👩‍👩‍👧 ปลุก"])
    tokens = encoder.tokenizer.convert_ids_to_tokens(list(features.input_ids))

    assert "▁" in tokens
    assert all(tokens[owner] != "▁" for owner in features.unit_tokens)


def test_clusters_of_unknown_word_have_no_word_marks(tmp_path: Path) -> None:
    encoder = script_encoder("unigram", tmp_path)
    (features,) = Featurizer(encoder).texts(["ܐܒܓ"])

    tokens = encoder.tokenizer.convert_ids_to_tokens(list(features.input_ids))

    assert tokens == ["<s>", "▁", "<unk>", "<unk>", "<unk>", "</s>"]
    assert features.unit_tokens == (2,)


def test_offsets_fit_composed_and_decomposed_accents(bert_featurizer: Featurizer) -> None:
    composed = "llamar a mamá mañana"
    decomposed = unicodedata.normalize("NFD", composed)

    for text in (composed, decomposed):
        (features,) = bert_featurizer.texts([text])
        assert [text[start:end] for start, end in features.units] == text.split(" ")


def test_texts_raises_with_index_of_every_too_long_text(bert_featurizer: Featurizer) -> None:
    fits = " ".join(["me"] * (WINDOW - 2))

    (features,) = bert_featurizer.texts([fits])
    with pytest.raises(InvalidInput) as error:
        bert_featurizer.texts(["wake me", fits + " me", fits, fits + " me me"])

    assert len(features) == WINDOW
    assert [fault.pointer for fault in error.value.faults] == ["/1", "/3"]
    assert "has 65 tokens; this encoder reads 64" in error.value.faults[0].detail


def test_texts_raises_when_clusters_exceed_window(bert_featurizer: Featurizer) -> None:
    with pytest.raises(InvalidInput, match="/0: the text has 102 tokens"):
        bert_featurizer.texts(["ξ" * 100])


def test_featurizer_returns_empty_list_without_texts(bert_featurizer: Featurizer) -> None:
    assert bert_featurizer.texts([]) == []
    assert bert_featurizer.examples([], LABELS) == []


def test_examples_ignores_labels_outside_label_set(
    bert_featurizer: Featurizer,
) -> None:
    spans = (SlotSpan(slot="game", start=0, end=4), SlotSpan(slot="time", start=5, end=7))
    example = MtodExample(text="wake at now", intent="play_game", slots=spans)

    (features,) = bert_featurizer.examples([example], LABELS)

    assert features.intent == IGNORED_INTENT
    assert features.tags == (0, LABELS.begin_tag("time"), 0)


def test_texts_have_no_targets(bert_featurizer: Featurizer) -> None:
    (features,) = bert_featurizer.texts(["wake me"])

    assert (features.intent, features.tags) == (IGNORED_INTENT, ())


def test_collate_pads_and_masks(encoder: Encoder) -> None:
    featurizer = Featurizer(encoder)
    short, long = featurizer.examples([english()[0], english()[20]], LABELS)

    batch = featurizer.collate([short, long])

    assert len(batch) == 2
    assert batch.input_ids.shape == batch.attention_mask.shape == (2, max(len(short), len(long)))
    for row, example in enumerate((short, long)):
        assert batch.input_ids[row, : len(example)].tolist() == list(example.input_ids)
        assert (batch.input_ids[row, len(example) :] == encoder.tokenizer.pad_token_id).all()
        assert batch.attention_mask[row].sum() == len(example)
        assert batch.unit_mask[row].sum() == len(example.units)
        assert batch.unit_tokens[row, : len(example.units)].tolist() == list(example.unit_tokens)
        assert batch.tags[row, : len(example.units)].tolist() == list(example.tags)
    assert batch.intents.tolist() == [short.intent, long.intent]
    assert batch.unit_mask[:, 0].all()


def test_collate_accepts_features_without_targets(bert_featurizer: Featurizer) -> None:
    batch = bert_featurizer.collate(bert_featurizer.texts(["wake", "will it rain"]))

    assert batch.intents.tolist() == [IGNORED_INTENT] * 2
    assert not batch.tags.any()
    assert batch.tags.dtype == batch.unit_tokens.dtype == torch.long


def test_texts_are_in_order(bert_featurizer: Featurizer) -> None:
    texts = [example.text for example in (*english(), *spanish())]

    assert [example.text for example in bert_featurizer.texts(texts)] == texts


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 100))
def test_length_batches_contain_every_index_once_within_limit(lengths: list[int], limit: int) -> None:
    features = [Features("t", tuple(range(length)), ((0, 1),), (0,)) for length in lengths]

    batches = list(length_batches(features, max_tokens=limit))

    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= limit
