"""M-BERT's own vocabulary, on sentences of many languages and on the published MTOD files."""

from pathlib import Path

import pytest
from transformers import AutoModel, BertConfig, BertTokenizer

from core.encoders.loading import Encoder, assemble_encoder, load_encoder
from core.formats import read_examples
from core.tasks.mtod.features import Features, Featurizer
from core.tasks.mtod.labels import LabelSet, tag_units, text_spans
from core.tasks.mtod.learner import MtodLearner
from tests.core.tasks.mtod.scripts import SENTENCES

pytestmark = pytest.mark.data

EXPRESSIBLE = {
    ("m-bert", "es/eval-es.tsv"): 0.996,
    ("m-bert", "th/eval-th.tsv"): 0.992,
    ("embedded", "es/eval-es.tsv"): 0.996,
    ("embedded", "th/eval-th.tsv"): 0.99,
    ("embedded-en", "es/eval-es.tsv"): 0.996,
}
"""Share of gold spans that survive, at least.

Measured: 3011 of 3020 (es, both encoders; the nine lost begin or end inside a word, as in `ueves` of
Jueves) and 1784 of 1796 (th; a subword holds the end of one word and the beginning of the next).
"""


@pytest.fixture(scope="module")
def multilingual_bert(data_folder: Path) -> Encoder:
    """A tiny random BERT over M-BERT's vocabulary."""
    vocabulary = data_folder / "mbert-vocab" / "vocab.txt"
    tokenizer = BertTokenizer(vocab=str(vocabulary), do_lower_case=False)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    model = AutoModel.from_config(config, add_pooling_layer=False)
    return assemble_encoder("m-bert", model, tokenizer)


def read(encoder: Encoder, text: str) -> tuple[Features, list[str], list[str]]:
    """Return features, pieces without the special tokens, and the texts of the units."""
    (features,) = Featurizer(encoder).texts([text])
    pieces = [str(encoder.tokenizer.convert_ids_to_tokens(number)) for number in features.input_ids]
    return features, pieces[1:-1], [text[start:end] for start, end in features.units]


@pytest.mark.parametrize("language", SENTENCES)
def test_units_and_first_subwords_spell_the_text(multilingual_bert: Encoder, language: str) -> None:
    text = SENTENCES[language]
    features, pieces, units = read(multilingual_bert, text)

    spelt = "".join(piece.removeprefix("##") for piece in pieces)
    if "[UNK]" not in pieces:
        assert spelt == "".join(text.split()).replace("\u200d", "").replace("\u200c", "")
    assert "".join(units).replace(" ", "") == "".join(text.split())
    for unit, owner in zip(units, features.unit_tokens, strict=True):
        piece = pieces[owner - 1].removeprefix("##")
        # A Thai subword may begin with the tone mark of the character before: then it holds the next.
        assert piece == "[UNK]" or unit.startswith(piece[0]) or unit[0] in piece


@pytest.mark.parametrize(
    ("language", "pieces"),
    [
        ("spanish", ["¿", "Qué", "tiempo", "har", "##á", "mañana", "en", "Málaga", "?"]),
        ("hindi", ["म", "##ु", "##झ", "##े", "स", "##ु", "##ब", "##ह"]),
        ("chinese", ["明", "天", "早", "上", "六", "点", "叫", "醒", "我"]),
        ("arabic", ["أي", "##ق", "##ظ", "##ني", "في"]),
        ("thai", ["ป", "##ล", "##ุ", "##ก", "##ฉ", "##ัน"]),
    ],
)
def test_nothing_is_lower_cased_or_stripped(
    multilingual_bert: Encoder, language: str, pieces: list[str]
) -> None:
    assert read(multilingual_bert, SENTENCES[language])[1][: len(pieces)] == pieces


def test_a_folder_as_the_hub_once_had_them_is_read_cased(
    multilingual_bert: Encoder, data_folder: Path, tmp_path: Path
) -> None:
    multilingual_bert.model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_bytes((data_folder / "mbert-vocab" / "vocab.txt").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "model_max_length": 512}')

    encoder = load_encoder(str(tmp_path))

    for sentence in SENTENCES.values():
        assert read(encoder, sentence)[1] == read(multilingual_bert, sentence)[1]


@pytest.mark.parametrize(("name", "file"), EXPRESSIBLE)
def test_nearly_every_gold_span_can_be_expressed(
    request: pytest.FixtureRequest, data_folder: Path, name: str, file: str
) -> None:
    is_bert = name == "m-bert"
    encoder = request.getfixturevalue("multilingual_bert") if is_bert else load_encoder(name)
    examples = read_examples((data_folder / "mtod" / file).read_bytes(), name=file)
    labels = LabelSet.of(examples)
    features = Featurizer(encoder).texts([example.text for example in examples])

    kept = total = 0
    for example, one in zip(examples, features, strict=True):
        tags = tag_units(one.units, example.slots, labels)
        kept += len(set(example.slots) & set(text_spans(tags, one.units, labels)))
        total += len(example.slots)

    print(f"{name} {file}: {kept} of {total} spans")  # noqa: T201
    assert kept / total >= EXPRESSIBLE[name, file]


def test_a_learner_over_its_vocabulary_has_a_loss(multilingual_bert: Encoder, data_folder: Path) -> None:
    file = data_folder / "mtod" / "th" / "eval-th.tsv"
    examples = read_examples(file.read_bytes(), name=file.name)[:8]
    learner = MtodLearner(multilingual_bert, LabelSet.of(examples))

    loss = learner.model(learner.batch(learner.features(examples)))

    loss.backward()
    assert loss.isfinite()
