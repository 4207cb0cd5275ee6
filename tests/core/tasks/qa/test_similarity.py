"""Test the texts of triplets and their sentence vectors."""

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

from core.contracts.qa_examples import AnswerSpan, QaExample
from core.encoders.loading import EMBEDDED, EMBEDDED_ENGLISH, load_encoder
from core.errors import InvalidInput
from core.tasks.qa.similarity import SentenceEncoder, embedding_text
from tests.core.tiny import WINDOW, Kind, tiny_encoder_folder
from tests.core.vectors import mean_states

TEXTS = [f"who was born in the year {year} in the house by the sea" for year in range(1900, 1930)]


def triplet(question: str, before: str, answer: str, after: str) -> QaExample:
    answers = (AnswerSpan(text=answer, answer_start=len(before)),)
    return QaExample(question=question, context=f"{before}{answer}{after}", answers=answers)


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder without a pooling configuration; read-only."""
    return tiny_encoder_folder(tmp_path_factory.mktemp("similarity"), "bert", TEXTS)


@pytest.fixture(scope="module")
def tiny(tiny_folder: Path) -> SentenceEncoder:
    return load(tiny_folder)


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the plain encoder that a test can change."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def embedded() -> SentenceEncoder:
    return SentenceEncoder.load(EMBEDDED, device="cpu")


def load(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.load(str(folder), device="cpu")


def test_embedding_text_is_question_context_and_first_answer() -> None:
    example = QaExample(
        question="Who was it?",
        context="It was Ana, or Luis.",
        answers=(AnswerSpan(text="Luis", answer_start=15), AnswerSpan(text="Ana", answer_start=7)),
    )
    assert embedding_text(example) == "Who was it? It was Ana, or Luis. Luis"


@pytest.mark.parametrize(
    ("before", "after", "excerpt"),
    [
        ("abcdefghij", "klmnopqrst", "hijXYZklm"),
        ("ab", "klmnopqrst", "abXYZklmn"),
        ("abcdefghij", "kl", "ghijXYZkl"),
        ("", "klmnopqrst", "XYZklmnop"),
        ("abcdefghij", "", "efghijXYZ"),
        ("a", "k", "aXYZk"),
    ],
)
def test_embedding_text_truncates_context_around_answer(before: str, after: str, excerpt: str) -> None:
    assert (
        embedding_text(triplet("who?", before, "XYZ", after), context_characters=9) == f"who? {excerpt} XYZ"
    )


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@given(texts, texts.filter(lambda text: text.strip() != ""), texts, st.integers(0, 80))
def test_embedding_text_keeps_question_and_answer_and_limits_context(
    before: str, answer: str, after: str, context: int
) -> None:
    example = triplet("where?", before, answer, after)
    text = embedding_text(example, context_characters=context)
    if context == 0:
        assert text == f"where? {answer}"
        return
    excerpt = text.removeprefix("where? ").removesuffix(answer)[:-1]
    assert len(excerpt) == min(context, len(example.context))
    assert excerpt in example.context
    assert answer in excerpt or len(answer) > context


def test_embedded_encoder_ranks_translation_above_other_question(
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
    vectors = embedded.embed(embedded.embedding_texts([english, spanish, other]))
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_embedded_encoder_matches_plain_mean_pooling(embedded: SentenceEncoder) -> None:
    texts = ["¿Qué hora es?", "ตอนนี้กี่โมงแล้ว", "saa ngapi sasa?"]
    plain = load_encoder(EMBEDDED)
    expected = mean_states(plain.model, plain.tokenizer, texts).numpy()
    np.testing.assert_allclose(embedded.embed(texts), expected, atol=1e-5)
    assert embedded.max_tokens == 512


def test_english_encoder_has_published_limit_of_tokens() -> None:
    english = SentenceEncoder.load(EMBEDDED_ENGLISH, device="cpu")
    assert english.max_tokens == 256
    assert english.embed(["what time is it?"]).shape == (1, 384)


def test_embed_returns_unit_means_in_order_of_texts(tiny: SentenceEncoder, tiny_folder: Path) -> None:
    """Texts are encoded in batches of similar length; the vectors equal those of single texts."""
    mixed = [text[: 3 + 11 * row % 47] for row, text in enumerate(TEXTS)]
    model, tokenizer = AutoModel.from_pretrained(tiny_folder), AutoTokenizer.from_pretrained(tiny_folder)
    alone = [mean_states(model, tokenizer, [text]).numpy()[0] for text in mixed]
    vectors = tiny.embed(mixed)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, alone, atol=1e-5)


def test_embed_returns_no_rows_without_texts(tiny: SentenceEncoder) -> None:
    assert tiny.embed([]).shape == (0, 32)
    assert tiny.embedding_texts([]) == []


def test_embed_reports_progress_until_done(tiny: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.tasks.qa.similarity.BATCH_TOKENS", 100)
    progress: list[tuple[int, int]] = []
    tiny.embed(TEXTS, on_progress=lambda done, total: progress.append((done, total)))
    assert len(progress) >= 5
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})
    assert progress[-1] == (len(TEXTS), len(TEXTS))
    assert {total for _, total in progress} == {len(TEXTS)}


@pytest.mark.parametrize("words", [0, 20, 60, 400])
def test_embedding_texts_truncates_context_to_window(
    tiny: SentenceEncoder, tiny_folder: Path, words: int
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    examples = [
        triplet("who was born?", "the sea " * words, answer, " house" * words)
        for answer in ("in the house by the sea", "1907", "born " * 8)
    ]
    for example, text in zip(examples, tiny.embedding_texts(examples), strict=True):
        tokens = len(tokenizer(text)["input_ids"])
        assert text.startswith("who was born? ")
        assert text.endswith(f" {example.answers[0].text}")
        assert tokens <= WINDOW
        assert text == embedding_text(example) or tokens > WINDOW * 0.6


def test_embedding_texts_drops_context_when_question_is_too_long(tiny: SentenceEncoder) -> None:
    example = triplet("who was born? " * 30, "in ", "the house", " by the sea")
    assert tiny.embedding_texts([example]) == [embedding_text(example, context_characters=0)]
    assert np.isfinite(tiny.embed(tiny.embedding_texts([example]))).all()


@pytest.mark.parametrize("kind", ["roberta", "xlm-r", "distilbert"])
def test_embed_truncates_texts_to_window(tmp_path: Path, kind: Kind) -> None:
    encoder = load(tiny_encoder_folder(tmp_path, kind, TEXTS))
    assert encoder.max_tokens == WINDOW
    assert np.isfinite(encoder.embed([" ".join(TEXTS)])).all()


def test_sentence_encoder_uses_configured_pooling_and_window(tiny: SentenceEncoder, copy: Path) -> None:
    declare(copy, pooling="cls", max_tokens=20)
    encoder = load(copy)
    assert encoder.max_tokens == 20
    assert not np.allclose(encoder.embed(TEXTS[:2]), tiny.embed(TEXTS[:2]), atol=1e-3)


def declare(folder: Path, *, pooling: str, max_tokens: int) -> None:
    """Add the configuration files of sentence-transformers to a plain encoder's folder."""
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    entries = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(entries))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": max_tokens}))
    (folder / "1_Pooling").mkdir()
    config = {"embedding_dimension": 32, "pooling_mode": pooling}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))


def test_fingerprint_is_independent_of_folder(tiny: SentenceEncoder, copy: Path) -> None:
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
def test_fingerprint_changes_with_encoder(tiny: SentenceEncoder, copy: Path, change: str) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    CHANGES[change](copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} != before
    assert load(copy).fingerprint != tiny.fingerprint


def test_half_precision_weights_are_loaded_in_single_precision(copy: Path) -> None:
    AutoModel.from_pretrained(copy).half().save_pretrained(copy)
    encoder = load(copy)
    assert encoder.embed(TEXTS[:2]).dtype == np.float32
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
def test_load_raises_with_name_of_damaged_folder(copy: Path, damage: str) -> None:
    DAMAGES[damage](copy)
    with pytest.raises(InvalidInput, match="copy") as error:
        load(copy)
    assert error.value.faults[0].pointer == "/similarity"


@pytest.mark.parametrize("name", ["", " ", "a/b/c", "../x", "/nonexistent/folder", "a\0b", __file__])
def test_load_raises_for_invalid_name(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"/similarity: .* cannot be loaded: "):
        SentenceEncoder.load(name, device="cpu")


def test_load_and_embed_write_no_output(tiny_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])
        load(tiny_folder).embed(TEXTS)
        with pytest.raises(InvalidInput):
            SentenceEncoder.load("../x", device="cpu")
    assert capfd.readouterr() == ("", "")
