"""Test M-BERT's vocabulary on sentences of many languages and on the published MTOD files."""

from pathlib import Path

import pytest
from transformers import AutoModel, BertConfig, BertTokenizer

from core.encoders.loading import Encoder, assemble_encoder, load_encoder
from core.formats import read_examples
from core.tasks.mtod.features import Features, Featurizer
from core.tasks.mtod.labels import LabelSet, tag_units, text_spans
from core.tasks.mtod.learner import MtodLearner
from tests.core.tasks.mtod.writing_systems import SENTENCES

pytestmark = pytest.mark.data

EXPRESSIBLE = {
    ("m-bert", "es/eval-es.tsv"): 0.996,
    ("m-bert", "th/eval-th.tsv"): 0.992,
    ("embedded", "es/eval-es.tsv"): 0.996,
    ("embedded", "th/eval-th.tsv"): 0.99,
    ("embedded-en", "es/eval-es.tsv"): 0.996,
}
"""Minimum share of gold spans that are preserved by conversion to tags and back.

Measured: 3011 of 3020 (es, both encoders; the nine others start or end inside a word, as in `ueves` of
Jueves) and 1784 of 1796 (th; a subword contains the end of one word and the start of the next).
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


def tokenize(encoder: Encoder, text: str) -> tuple[Features, list[str], list[str]]:
    """Return features, tokens without the special ones, and the texts of the units."""
    (features,) = Featurizer(encoder).texts([text])
    tokens = [str(encoder.tokenizer.convert_ids_to_tokens(number)) for number in features.input_ids]
    return features, tokens[1:-1], [text[start:end] for start, end in features.units]


@pytest.mark.parametrize("language", SENTENCES)
def test_units_and_first_tokens_match_text(multilingual_bert: Encoder, language: str) -> None:
    text = SENTENCES[language]
    features, tokens, units = tokenize(multilingual_bert, text)

    text_of_tokens = "".join(token.removeprefix("##") for token in tokens)
    if "[UNK]" not in tokens:
        assert text_of_tokens == "".join(text.split()).replace("\u200d", "").replace("\u200c", "")
    assert "".join(units).replace(" ", "") == "".join(text.split())
    for unit, first_token in zip(units, features.unit_tokens, strict=True):
        token = tokens[first_token - 1].removeprefix("##")
        # A Thai subword may start with the tone mark of the previous character; then it contains the next.
        assert token == "[UNK]" or unit.startswith(token[0]) or unit[0] in token


@pytest.mark.parametrize(
    ("language", "tokens"),
    [
        ("spanish", ["¿", "Qué", "tiempo", "har", "##á", "mañana", "en", "Málaga", "?"]),
        ("hindi", ["म", "##ु", "##झ", "##े", "स", "##ु", "##ब", "##ह"]),
        ("chinese", ["明", "天", "早", "上", "六", "点", "叫", "醒", "我"]),
        ("arabic", ["أي", "##ق", "##ظ", "##ني", "في"]),
        ("thai", ["ป", "##ล", "##ุ", "##ก", "##ฉ", "##ัน"]),
    ],
)
def test_tokens_keep_case_and_accents(multilingual_bert: Encoder, language: str, tokens: list[str]) -> None:
    assert tokenize(multilingual_bert, SENTENCES[language])[1][: len(tokens)] == tokens


def test_folder_with_vocab_txt_is_loaded_cased(
    multilingual_bert: Encoder, data_folder: Path, tmp_path: Path
) -> None:
    multilingual_bert.model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_bytes((data_folder / "mbert-vocab" / "vocab.txt").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "model_max_length": 512}')

    encoder = load_encoder(str(tmp_path))

    for sentence in SENTENCES.values():
        assert tokenize(encoder, sentence)[1] == tokenize(multilingual_bert, sentence)[1]


@pytest.mark.parametrize(("name", "file"), EXPRESSIBLE)
def test_most_gold_spans_are_preserved_by_tags(
    request: pytest.FixtureRequest, data_folder: Path, name: str, file: str
) -> None:
    is_bert = name == "m-bert"
    encoder = request.getfixturevalue("multilingual_bert") if is_bert else load_encoder(name)
    examples = read_examples((data_folder / "mtod" / file).read_bytes(), name=file)
    labels = LabelSet.of(examples)
    features = Featurizer(encoder).texts([example.text for example in examples])

    preserved = total = 0
    for example, text_features in zip(examples, features, strict=True):
        tags = tag_units(text_features.units, example.slots, labels)
        preserved += len(set(example.slots) & set(text_spans(tags, text_features.units, labels)))
        total += len(example.slots)

    print(f"{name} {file}: {preserved} of {total} spans")  # noqa: T201
    assert preserved / total >= EXPRESSIBLE[name, file]


def test_learner_with_published_vocabulary_has_finite_loss(
    multilingual_bert: Encoder, data_folder: Path
) -> None:
    file = data_folder / "mtod" / "th" / "eval-th.tsv"
    examples = read_examples(file.read_bytes(), name=file.name)[:8]
    learner = MtodLearner(multilingual_bert, LabelSet.of(examples))

    loss = learner.model(learner.batch(learner.features(examples)))

    loss.backward()
    assert loss.isfinite()
