"""Tiny encoders, learners and utterances for tests, created in well under a second."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoModel,
    BertConfig,
    BertTokenizer,
    DistilBertConfig,
    DistilBertTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    RobertaConfig,
    RobertaTokenizer,
    XLMRobertaConfig,
    XLMRobertaTokenizer,
)

from core.checkpoints import read_full
from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.reports import CheckpointManifest
from core.encoders.loading import load_encoder
from core.tasks.mtod.labels import LabelSet
from core.tasks.mtod.learner import MtodLearner

Kind = Literal["bert", "xlm-r", "distilbert", "roberta"]

VOCABULARY = 400

PIECE = 4
"""Number of characters per token, for tokenizers that split words by length."""

WINDOW = 64
"""Maximum input length in tokens, special tokens included."""

_SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def tiny_encoder_folder(tmp_path: Path, kind: Kind, texts: Sequence[str]) -> Path:
    """Save a small random encoder and a tokenizer trained on the texts, in Hugging Face format."""
    folder = tmp_path / f"tiny-{kind}"
    tokenizer = _tokenizer(kind, texts)
    torch.manual_seed(7)
    model = AutoModel.from_config(_config(kind, len(tokenizer)))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def read_mtod(folder: Path, manifest: CheckpointManifest) -> MtodLearner:
    """Load a learner of intents and slots from a checkpoint."""
    learner = read_full(folder, manifest)
    assert isinstance(learner, MtodLearner)
    return learner


def tiny_learner(folder: Path, examples: Sequence[MtodExample], *, seed: int = 0) -> MtodLearner:
    """Return a learner with the labels of the examples and the encoder in the folder."""
    return MtodLearner(load_encoder(str(folder)), LabelSet.of(examples), seed=seed)


def utterance(template: str, intent: str, **slots: str) -> MtodExample:
    """Fill the ``{slot}`` placeholders of a template, and label the values."""
    text, spans = template, []
    for slot, value in slots.items():
        start = text.index("{" + slot + "}")
        text = text.replace("{" + slot + "}", value, 1)
        spans.append(SlotSpan(slot=slot, start=start, end=start + len(value)))
    return MtodExample(text=text, intent=intent, slots=tuple(sorted(spans, key=lambda span: span.start)))


def english() -> list[MtodExample]:
    """Return thirty utterances with three intents and three slots."""
    return [
        *(utterance("wake me at {time}", "set_alarm", time=f"{hour} o'clock") for hour in _HOURS),
        *(utterance("will it rain in {place}", "find_weather", place=place) for place in _PLACES),
        *(utterance("remind me to call {person} today", "set_reminder", person=name) for name in _NAMES),
    ]


def spanish() -> list[MtodExample]:
    """Return twenty-four utterances with the same labels in another language."""
    return [
        *(utterance("pon una alarma a las {time}", "set_alarm", time=hour) for hour in _HORAS),
        *(utterance("va a llover en {place}", "find_weather", place=place) for place in _PLACES[:8]),
        *(utterance("recuérdame llamar a {person}", "set_reminder", person=name) for name in _NAMES[:8]),
    ]


def texts_of(*languages: Sequence[MtodExample]) -> list[str]:
    return [example.text for examples in languages for example in examples]


_HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_HORAS = ("dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
_PLACES = ("Lima", "Quito", "Oslo", "Cairo", "Rome", "Paris", "New York", "Bonn", "Bern", "Riga")
_NAMES = ("Ana", "Luis", "Carmen", "Pedro", "Eva", "Rosa", "Juan", "Inés", "Marta", "Diego")


def _config(kind: Kind, vocabulary: int) -> PreTrainedConfig:
    match kind:
        case "bert":
            return BertConfig(**_SIZES, vocab_size=vocabulary, max_position_embeddings=WINDOW)
        case "distilbert":
            return DistilBertConfig(
                vocab_size=vocabulary,
                max_position_embeddings=WINDOW,
                dim=32,
                n_layers=2,
                n_heads=2,
                hidden_dim=64,
            )
        case "roberta" | "xlm-r":
            family = RobertaConfig if kind == "roberta" else XLMRobertaConfig
            # Their positions start after the id of padding, 1.
            return family(
                **_SIZES,
                vocab_size=vocabulary,
                max_position_embeddings=WINDOW + 2,
                type_vocab_size=1,
                pad_token_id=1,
            )


def _tokenizer(kind: Kind, texts: Sequence[str]) -> PreTrainedTokenizerBase:
    match kind:
        case "bert":
            return BertTokenizer(vocab=_word_pieces(texts), do_lower_case=False)
        case "distilbert":
            return DistilBertTokenizer(vocab=_word_pieces(texts), do_lower_case=False)
        case "roberta":
            vocabulary, merges = _byte_pairs(texts)
            return RobertaTokenizer(vocab=vocabulary, merges=merges)  # type: ignore[arg-type] # pairs, too
        case "xlm-r":
            return XLMRobertaTokenizer(vocab=_unigrams(texts))


def _word_pieces(texts: Sequence[str]) -> dict[str, int]:
    words = [word for text in texts for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(text)]
    starts = {word[:PIECE] for word in words} | set("".join(words))
    inner = {f"##{piece}" for word in words for piece in (*_cut(word)[1:], *word)}
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return {piece: index for index, piece in enumerate([*special, *sorted(starts), *sorted(inner)])}


def _cut(word: str) -> list[str]:
    """Split a word by length, because the library's trainer breaks ties differently in every process."""
    return [word[start : start + PIECE] for start in range(0, len(word), PIECE)]


def _byte_pairs(texts: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=1,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


def _unigrams(texts: Sequence[str]) -> list[tuple[str, float]]:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁")]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        unk_token="<unk>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return [(piece, score) for piece, score in model["vocab"]]
