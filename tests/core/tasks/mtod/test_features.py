"""Token ids, windows, targets and batches."""

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
from tests.core.tasks.mtod.scripts import script_encoder
from tests.core.tiny import WINDOW, english, spanish

LABELS = LabelSet.of(english())
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*SPECIAL, "wake", "##s", "me", "ก", "น", "ั", "##ั", "น้", "q", "x", "é", "e\u0301"]

Spell: TypeAlias = Callable[[str], tuple[Features, list[str]]]


@pytest.fixture
def encoder(bert_folder: Path) -> Encoder:
    return load_encoder(str(bert_folder))


@pytest.fixture
def featurizer_of_bert(encoder: Encoder) -> Featurizer:
    return Featurizer(encoder)


@pytest.fixture
def spell(encoder: Encoder) -> Spell:
    """Read a text with a cased WordPiece that has few characters and almost no words."""
    vocabulary = {piece: number for number, piece in enumerate(PIECES)}
    tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=False)
    featurizer = Featurizer(replace(encoder, tokenizer=tokenizer, max_tokens=500))

    def read(text: str) -> tuple[Features, list[str]]:
        (features,) = featurizer.texts([text])
        return features, [PIECES[number] for number in features.input_ids[1:-1]]

    return read


@pytest.mark.parametrize(
    ("text", "pieces"),
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
def test_a_word_that_cannot_be_spelt_is_read_in_grapheme_clusters(
    spell: Spell, text: str, pieces: list[str]
) -> None:
    assert spell(text)[1] == pieces


def test_a_word_read_in_clusters_is_still_one_unit(spell: Spell) -> None:
    features, _ = spell("me qξx me")

    assert features.units == ((0, 2), (3, 6), (7, 9))
    assert features.unit_tokens == (1, 2, 5)


def test_a_thai_sentence_read_in_clusters_has_a_unit_for_each(spell: Spell) -> None:
    features, _ = spell("กันน้ξก")

    assert [features.text[start:end] for start, end in features.units] == ["กั", "น", "น้", "ξ", "ก"]
    assert features.unit_tokens == (1, 3, 4, 5, 6)


def test_a_cased_vocabulary_keeps_vowel_signs_and_accents(spell: Spell) -> None:
    assert spell("กั")[1] == ["ก", "##ั"]
    assert spell("é")[1] == ["é"]


def test_a_lone_word_mark_speaks_for_no_unit(tmp_path: Path) -> None:
    encoder = script_encoder("unigram", tmp_path)
    (features,) = Featurizer(encoder).texts(["hará 👩‍👩‍👧 ปลุก"])
    pieces = encoder.tokenizer.convert_ids_to_tokens(list(features.input_ids))

    assert "▁" in pieces
    assert all(pieces[owner] != "▁" for owner in features.unit_tokens)


def test_unknown_characters_do_not_bring_word_marks_along(tmp_path: Path) -> None:
    encoder = script_encoder("unigram", tmp_path)
    (features,) = Featurizer(encoder).texts(["ܐܒܓ"])

    pieces = encoder.tokenizer.convert_ids_to_tokens(list(features.input_ids))

    assert pieces == ["<s>", "▁", "<unk>", "<unk>", "<unk>", "</s>"]
    assert features.unit_tokens == (2,)


def test_composed_and_decomposed_accents_have_their_own_offsets(featurizer_of_bert: Featurizer) -> None:
    composed = "llamar a mamá mañana"
    decomposed = unicodedata.normalize("NFD", composed)

    for text in (composed, decomposed):
        (features,) = featurizer_of_bert.texts([text])
        assert [text[start:end] for start, end in features.units] == text.split(" ")


def test_every_text_longer_than_the_window_is_told_with_its_index(featurizer_of_bert: Featurizer) -> None:
    fits = " ".join(["me"] * (WINDOW - 2))

    (features,) = featurizer_of_bert.texts([fits])
    with pytest.raises(InvalidInput) as refused:
        featurizer_of_bert.texts(["wake me", fits + " me", fits, fits + " me me"])

    assert len(features) == WINDOW
    assert [fault.pointer for fault in refused.value.faults] == ["/1", "/3"]
    assert "has 65 tokens; this encoder reads 64" in refused.value.faults[0].detail


def test_a_text_that_grows_past_the_window_in_clusters_is_told_too(featurizer_of_bert: Featurizer) -> None:
    with pytest.raises(InvalidInput, match="/0: the text has 102 tokens"):
        featurizer_of_bert.texts(["ξ" * 100])


def test_no_texts_make_no_features(featurizer_of_bert: Featurizer) -> None:
    assert featurizer_of_bert.texts([]) == []
    assert featurizer_of_bert.examples([], LABELS) == []


def test_labels_the_model_does_not_have_are_left_out_of_the_targets(
    featurizer_of_bert: Featurizer,
) -> None:
    spans = (SlotSpan(slot="game", start=0, end=4), SlotSpan(slot="time", start=5, end=7))
    example = MtodExample(text="wake at now", intent="play_game", slots=spans)

    (features,) = featurizer_of_bert.examples([example], LABELS)

    assert features.intent == IGNORED_INTENT
    assert features.tags == (0, LABELS.begin_tag("time"), 0)


def test_texts_without_labels_have_no_targets(featurizer_of_bert: Featurizer) -> None:
    (features,) = featurizer_of_bert.texts(["wake me"])

    assert (features.intent, features.tags) == (IGNORED_INTENT, ())


def test_a_batch_is_padded_and_says_where(encoder: Encoder) -> None:
    featurizer = Featurizer(encoder)
    short, long = featurizer.examples([english()[0], english()[20]], LABELS)

    batch = featurizer.collate([short, long])

    assert len(batch) == 2
    assert batch.input_ids.shape == batch.attention_mask.shape == (2, max(len(short), len(long)))
    for row, one in enumerate((short, long)):
        assert batch.input_ids[row, : len(one)].tolist() == list(one.input_ids)
        assert (batch.input_ids[row, len(one) :] == encoder.tokenizer.pad_token_id).all()
        assert batch.attention_mask[row].sum() == len(one)
        assert batch.unit_mask[row].sum() == len(one.units)
        assert batch.unit_tokens[row, : len(one.units)].tolist() == list(one.unit_tokens)
        assert batch.tags[row, : len(one.units)].tolist() == list(one.tags)
    assert batch.intents.tolist() == [short.intent, long.intent]
    assert batch.unit_mask[:, 0].all()


def test_texts_without_targets_are_collated_too(featurizer_of_bert: Featurizer) -> None:
    batch = featurizer_of_bert.collate(featurizer_of_bert.texts(["wake", "will it rain"]))

    assert batch.intents.tolist() == [IGNORED_INTENT] * 2
    assert not batch.tags.any()
    assert batch.tags.dtype == batch.unit_tokens.dtype == torch.long


def test_the_order_of_the_texts_is_kept(featurizer_of_bert: Featurizer) -> None:
    texts = [example.text for example in (*english(), *spanish())]

    assert [one.text for one in featurizer_of_bert.texts(texts)] == texts


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 100))
def test_batches_of_like_length_hold_every_text_once_within_the_limit(lengths: list[int], limit: int) -> None:
    features = [Features("t", tuple(range(length)), ((0, 1),), (0,)) for length in lengths]

    batches = list(length_batches(features, max_tokens=limit))

    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= limit
