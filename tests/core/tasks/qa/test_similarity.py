"""Triplets as texts, and texts as vectors."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from core.contracts.questions import AnswerSpan, QaExample
from core.encoders.loading import EMBEDDED, EMBEDDED_ENGLISH, load_encoder
from core.errors import InvalidInput
from core.tasks.qa.similarity import SentenceEncoder, triplet_text
from tests.core.tiny import WINDOW, Kind, tiny_encoder_folder
from tests.core.vectors import mean_states

TEXTS = [f"who was born in the year {year} in the house by the sea" for year in range(1900, 1930)]


def triplet(question: str, before: str, answer: str, after: str) -> QaExample:
    answers = (AnswerSpan(text=answer, answer_start=len(before)),)
    return QaExample(question=question, context=f"{before}{answer}{after}", answers=answers)


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain encoder that does not say how it pools; never written to."""
    return tiny_encoder_folder(tmp_path_factory.mktemp("similarity"), "bert", TEXTS)


@pytest.fixture(scope="module")
def tiny(tiny_folder: Path) -> SentenceEncoder:
    return load(tiny_folder)


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the plain encoder, to be changed."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def embedded() -> SentenceEncoder:
    return SentenceEncoder.load(EMBEDDED, device="cpu")


def load(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.load(str(folder), device="cpu")


def test_a_triplet_is_question_context_and_first_answer() -> None:
    example = QaExample(
        question="Who was it?",
        context="It was Ana, or Luis.",
        answers=(AnswerSpan(text="Luis", answer_start=15), AnswerSpan(text="Ana", answer_start=7)),
    )
    assert triplet_text(example) == "Who was it? It was Ana, or Luis. Luis"


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("abcdefghij", "klmnopqrst", "hijXYZklm"),
        ("ab", "klmnopqrst", "abXYZklmn"),
        ("abcdefghij", "kl", "ghijXYZkl"),
        ("", "klmnopqrst", "XYZklmnop"),
        ("abcdefghij", "", "efghijXYZ"),
        ("a", "k", "aXYZk"),
    ],
)
def test_a_long_context_is_cut_around_the_answer(before: str, after: str, kept: str) -> None:
    assert triplet_text(triplet("who?", before, "XYZ", after), context=9) == f"who? {kept} XYZ"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(texts, texts.filter(lambda text: text.strip() != ""), texts, st.integers(0, 80))
def test_question_and_answer_are_whole_and_the_context_is_as_long_as_it_may(
    before: str, answer: str, after: str, context: int
) -> None:
    example = triplet("where?", before, answer, after)
    text = triplet_text(example, context=context)
    if context == 0:
        assert text == f"where? {answer}"
        return
    kept = text.removeprefix("where? ").removesuffix(answer)[:-1]
    assert len(kept) == min(context, len(example.context))
    assert kept in example.context
    assert answer in kept or len(answer) > context


def test_the_encoder_that_ships_puts_a_translation_nearer_than_another_question(
    embedded: SentenceEncoder,
) -> None:
    english = triplet(
        "When does the market open?", "On weekdays the market opens ", "at seven", " in the morning."
    )
    spanish = triplet(
        "¿Cuándo abre el mercado?", "Entre semana el mercado abre ", "a las siete", " de la mañana."
    )
    other = triplet(
        "¿Quién pintó el techo?", "El techo de la capilla lo pintó ", "un joven escultor", " en 1510."
    )
    found = embedded.vectors(embedded.triplet_texts([english, spanish, other]))
    assert found[0] @ found[1] > found[0] @ found[2] + 0.3


def test_the_encoder_that_ships_is_the_same_as_without_the_library(embedded: SentenceEncoder) -> None:
    texts = ["¿Qué hora es?", "ตอนนี้กี่โมงแล้ว", "saa ngapi sasa?"]
    plain = load_encoder(EMBEDDED)
    expected = mean_states(plain.model, plain.tokenizer, texts).numpy()
    np.testing.assert_allclose(embedded.vectors(texts), expected, atol=1e-5)
    assert embedded.max_tokens == 512


def test_the_english_encoder_reads_as_much_as_it_was_published_with() -> None:
    english = SentenceEncoder.load(EMBEDDED_ENGLISH, device="cpu")
    assert english.max_tokens == 256
    assert english.vectors(["what time is it?"]).shape == (1, 384)


def test_vectors_are_unit_means_in_the_order_of_the_texts(tiny: SentenceEncoder, tiny_folder: Path) -> None:
    """Read in batches of like length, and given back as if each had been read alone."""
    mixed = [text[: 3 + 11 * row % 47] for row, text in enumerate(TEXTS)]
    model, tokenizer = AutoModel.from_pretrained(tiny_folder), AutoTokenizer.from_pretrained(tiny_folder)
    alone = [mean_states(model, tokenizer, [text]).numpy()[0] for text in mixed]
    found = tiny.vectors(mixed)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, alone, atol=1e-5)


def test_no_texts_have_no_vectors(tiny: SentenceEncoder) -> None:
    assert tiny.vectors([]).shape == (0, 32)
    assert tiny.triplet_texts([]) == []


def test_progress_is_told_until_all_is_done(tiny: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.tasks.qa.similarity.BATCH_TOKENS", 100)
    told: list[tuple[int, int]] = []
    tiny.vectors(TEXTS, tell=lambda done, total: told.append((done, total)))
    assert len(told) >= 5
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (len(TEXTS), len(TEXTS))
    assert {total for _, total in told} == {len(TEXTS)}


@pytest.mark.parametrize("words", [0, 20, 60, 400])
def test_the_context_gives_way_until_question_and_answer_fit(
    tiny: SentenceEncoder, tiny_folder: Path, words: int
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    examples = [
        triplet("who was born?", "the sea " * words, answer, " house" * words)
        for answer in ("in the house by the sea", "1907", "born " * 8)
    ]
    for example, text in zip(examples, tiny.triplet_texts(examples), strict=True):
        tokens = len(tokenizer(text)["input_ids"])
        assert text.startswith("who was born? ")
        assert text.endswith(f" {example.answers[0].text}")
        assert tokens <= WINDOW
        assert text == triplet_text(example) or tokens > WINDOW * 0.6


def test_what_fits_not_even_without_context_is_left_to_the_encoder(tiny: SentenceEncoder) -> None:
    example = triplet("who was born? " * 30, "in ", "the house", " by the sea")
    assert tiny.triplet_texts([example]) == [triplet_text(example, context=0)]
    assert np.isfinite(tiny.vectors(tiny.triplet_texts([example]))).all()


@pytest.mark.parametrize("kind", ["roberta", "xlm-r", "distilbert"])
def test_no_text_is_longer_than_the_encoder_reads(tmp_path: Path, kind: Kind) -> None:
    encoder = load(tiny_encoder_folder(tmp_path, kind, TEXTS))
    assert encoder.max_tokens == WINDOW
    assert np.isfinite(encoder.vectors([" ".join(TEXTS)])).all()


def test_a_sentence_encoder_says_itself_how_it_pools_and_how_much_it_reads(
    tiny: SentenceEncoder, copy: Path
) -> None:
    declare(copy, pooling="cls", max_tokens=20)
    encoder = load(copy)
    assert encoder.max_tokens == 20
    assert not np.allclose(encoder.vectors(TEXTS[:2]), tiny.vectors(TEXTS[:2]), atol=1e-3)


def declare(folder: Path, *, pooling: str, max_tokens: int) -> None:
    """Make of a plain encoder's folder what sentence-transformers writes."""
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_tokens}))
    (folder / "1_Pooling").mkdir()
    declared = {"embedding_dimension": 32, "pooling_mode": pooling}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(declared))


def test_the_fingerprint_is_the_same_wherever_the_encoder_is(tiny: SentenceEncoder, copy: Path) -> None:
    assert load(copy).fingerprint == tiny.fingerprint
    assert len(tiny.fingerprint) == 64


def change_one_weight(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["embeddings.word_embeddings.weight"][5, 0] += 1e-6
    save_file(weights, path, metadata={"format": "pt"})


def change_heads(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 4}))


def change_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_lower_case": True}))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a weight": change_one_weight,
    "the heads": change_heads,
    "the tokenizer": change_tokenizer,
    "the pooling": lambda folder: declare(folder, pooling="cls", max_tokens=WINDOW),
    "the window": lambda folder: declare(folder, pooling="mean", max_tokens=20),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_encoder_has_another_fingerprint(tiny: SentenceEncoder, copy: Path, change: str) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    CHANGES[change](copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} != before
    assert load(copy).fingerprint != tiny.fingerprint


def test_weights_saved_in_half_precision_compute_in_single(copy: Path) -> None:
    AutoModel.from_pretrained(copy).half().save_pretrained(copy)
    encoder = load(copy)
    assert encoder.vectors(TEXTS[:2]).dtype == np.float32
    assert encoder._model.dtype == torch.float32


def damage_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:4_000])


def remove_tokenizer(folder: Path) -> None:
    for path in folder.glob("tokenizer*"):
        path.unlink()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no config": lambda folder: (folder / "config.json").unlink(),
    "broken config": lambda folder: (folder / "config.json").write_text("{"),
    "unknown architecture": lambda folder: (folder / "config.json").write_text('{"model_type": "x"}'),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "cut weights": damage_weights,
    "no tokenizer": remove_tokenizer,
    "broken tokenizer": lambda folder: (folder / "tokenizer.json").write_text("{"),
    "broken modules": lambda folder: (folder / "modules.json").write_text("{}"),
    "unknown modules": lambda folder: (folder / "modules.json").write_text(
        '[{"path": "", "type": "os.path", "name": "0"}]'
    ),
    "modules of another kind": lambda folder: (folder / "modules.json").write_text('[1, "x"]'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_told_by_name(copy: Path, damage: str) -> None:
    DAMAGES[damage](copy)
    with pytest.raises(InvalidInput, match="copy") as refused:
        load(copy)
    assert refused.value.faults[0].pointer == "/similarity"


@pytest.mark.parametrize("name", ["", " ", "a/b/c", "../x", "/nonexistent/folder", "a\0b", __file__])
def test_a_name_that_is_neither_folder_nor_hub_id_is_told(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"/similarity: .* cannot be loaded: "):
        SentenceEncoder.load(name, device="cpu")


def test_the_library_keeps_quiet(tiny_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])
        load(tiny_folder).vectors(TEXTS)
        with pytest.raises(InvalidInput):
            SentenceEncoder.load("../x", device="cpu")
    assert capfd.readouterr() == ("", "")
