"""Loading of encoders: the embedded ones, from the Hugging Face hub, or from a folder.

An encoder is a plain Hugging Face model with a fast tokenizer, without a wrapper.
"""

import inspect
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.hub import cached_file

from core.encoders.embedded.assembly import load_student
from core.encoders.embedded.minilm import base_folder
from core.errors import Fault, InvalidInput

EMBEDDED = "embedded"
"""MiniLM's body with a vocabulary for 22 languages (`core.encoders.embedded`)."""

EMBEDDED_ENGLISH = "embedded-en"
"""MiniLM as published, for English."""

NO_ATTENTION_DROPOUT: Final = {"attention_probs_dropout_prob": 0.0}
"""BERT's name of the setting. With attention dropout torch materialises every attention weight in training,
which is slower by a tenth to two thirds and takes most of the memory, for no better scores
(docs/adr/0015-no-dropout-of-attention.md)."""

MAX_TOKENS = 512
"""Maximum length of an encoder window in tokens, special tokens included; some encoders have less."""


class Pooling(StrEnum):
    """Pooling of last-layer states into a text vector."""

    CLS = "cls"
    MEAN = "mean"


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Encoder:
    """A pre-trained encoder and its tokenizer.

    Attributes:
        name: Name it was loaded by: ``embedded``, ``embedded-en``, a hub id, or a folder.
        model: Without a pooling layer; returns last-layer states [batch, tokens, width].
        tokenizer: Fast tokenizer, which gives character offsets.
        max_tokens: Maximum length of an input, special tokens included.
        pooling: Pooling that it was trained with.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_tokens: int
    pooling: Pooling


def load_encoder(name: str) -> Encoder:
    """Load an encoder with its pre-trained weights.

    Args:
        name: ``embedded``, ``embedded-en``, a hub id such as ``bert-base-multilingual-cased``, or a folder.

    Raises:
        InvalidInput: The encoder cannot be loaded, or its tokenizer gives no offsets.
        CorruptArtifact: The files of an embedded encoder are not the published ones.
    """
    if name == EMBEDDED:
        student, student_tokenizer = load_student(**NO_ATTENTION_DROPOUT)
        student.config.sentence_pooling = Pooling.MEAN.value  # it was distilled with mean pooling
        return assemble_encoder(name, student, student_tokenizer)
    source = str(base_folder()) if name == EMBEDDED_ENGLISH else name
    try:
        config = AutoConfig.from_pretrained(source)
        _disable_attention_dropout(config)
        model = AutoModel.from_pretrained(source, config=config, **_model_arguments(config))
        tokenizer = AutoTokenizer.from_pretrained(source)
        model.config.sentence_pooling = _declared_pooling(source)  # stored in checkpoints
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise InvalidInput([Fault("/encoder", f"{name!r} cannot be loaded: {error}")]) from error
    return assemble_encoder(name, model, tokenizer)


def load_architecture(name: str, folder: Path) -> Encoder:
    """Build an encoder from the configuration and tokenizer in a folder, with random weights.

    Args:
        name: Name that the encoder was first loaded by.
        folder: Folder with ``config.json`` and the tokenizer's files.
    """
    config = AutoConfig.from_pretrained(folder)
    _disable_attention_dropout(config)
    model = AutoModel.from_config(config, **_model_arguments(config))
    return assemble_encoder(name, model, AutoTokenizer.from_pretrained(folder))


def assemble_encoder(name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Encoder:
    """Return an encoder of a model and a tokenizer, after checking that they are usable.

    Raises:
        InvalidInput: The tokenizer gives no offsets, has an empty vocabulary or adds no special tokens.
    """
    if not tokenizer.is_fast:
        raise InvalidInput([Fault("/encoder", f"{name!r} has no fast tokenizer, so no character offsets")])
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # transformers returns such a tokenizer for a folder without tokenizer files.
        raise InvalidInput([Fault("/encoder", f"the vocabulary of {name!r} is empty")])
    if not tokenizer("")["input_ids"]:
        raise InvalidInput([Fault("/encoder", f"the tokenizer of {name!r} puts no token before a text")])
    positions = int(getattr(model.config, "max_position_embeddings", MAX_TOKENS))
    if model.config.model_type in _POSITIONS_AFTER_PADDING:
        # RoBERTa and its relatives number positions from padding_idx + 1.
        positions -= int(model.config.pad_token_id or 0) + 1
    pooling = Pooling(getattr(model.config, "sentence_pooling", Pooling.CLS))
    return Encoder(name, model, tokenizer, max_tokens=min(positions, MAX_TOKENS), pooling=pooling)


def _declared_pooling(source: str) -> str:
    """Return the pooling that a sentence-transformers model declares; [CLS] for any other model."""
    path = cached_file(source, "1_Pooling/config.json", _raise_exceptions_for_missing_entries=False)
    if path is None:
        return Pooling.CLS.value
    declared = json.loads(Path(path).read_text(encoding="utf-8"))
    is_mean = declared.get("pooling_mode_mean_tokens") or declared.get("pooling_mode") == Pooling.MEAN
    return Pooling.MEAN.value if is_mean else Pooling.CLS.value


_POSITIONS_AFTER_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}


def _disable_attention_dropout(config: Any) -> None:  # noqa: ANN401 - transformers' own base class is private
    """Disable attention dropout, whose name depends on the encoder's architecture."""
    for name in (*NO_ATTENTION_DROPOUT, "attention_dropout"):
        if hasattr(config, name):
            setattr(config, name, 0.0)


def _model_arguments(config: Any) -> dict[str, Any]:  # noqa: ANN401 - transformers' own base class is private
    """Return arguments for single precision, whatever was saved, and without the unused pooling layer."""
    model_class: Any = MODEL_MAPPING[type(config)]  # a tuple of classes for one or two architectures
    signature = inspect.signature(model_class[0] if isinstance(model_class, tuple) else model_class)
    has_pooling = "add_pooling_layer" in signature.parameters
    return {"dtype": torch.float32} | ({"add_pooling_layer": False} if has_pooling else {})
