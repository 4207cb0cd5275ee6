"""Sentence embeddings of "question context answer" triplets (X-METRA-ADA, section 2.3.2).

The paper truncates texts that are too long for its encoder at the end, which is the answer. Here question and
answer are not truncated; the context is, on both sides of the answer.
"""

import hashlib
import json
import logging
import math
import tempfile
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Module, Pooling, Transformer
from transformers import PreTrainedTokenizerBase

from core.contracts.qa_examples import QaExample
from core.encoders.embedded.minilm import base_folder
from core.encoders.loading import EMBEDDED, EMBEDDED_ENGLISH, assemble_encoder, load_encoder
from core.errors import Fault, InvalidInput
from core.tasks.batches import length_batches

CONTEXT_CHARACTERS: Final = 1_000
"""Characters of a context that are embedded: nine of ten of TyDiQA's are shorter, and text far from the
answer says little about the question."""

BATCH_TOKENS: Final = 2_048
"""Tokens in one forward pass, padding included: bounds memory whatever the texts."""

_POINTER: Final = "/similarity"

_LOAD_FAILURES = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError
)  # fmt: skip
"""Errors of the library for a folder that it cannot load, or without network access."""

# The libraries' warnings about revisions, prompts and retries do not concern users of this service.
for _library in ("sentence_transformers", "huggingface_hub"):
    logging.getLogger(_library).setLevel(logging.ERROR)


def embedding_text(example: QaExample, *, context_characters: int = CONTEXT_CHARACTERS) -> str:
    """Return the text of a triplet that is embedded, with the first answer.

    Args:
        example: A question, its context and its answers.
        context_characters: Maximum length of the context, which is truncated around the answer.
    """
    answer = example.answers[0]
    margin = max(0, context_characters - len(answer.text)) // 2
    start = max(0, min(answer.answer_start - margin, len(example.context) - context_characters))
    excerpt = example.context[start : start + context_characters]
    return " ".join(part for part in (example.question, excerpt, answer.text) if part)


class SentenceEncoder:
    """A sentence-transformers model that embeds triplets.

    Args:
        name: Name in error messages.
        model: The model; never trained.

    Raises:
        InvalidInput: The model is not a transformer, or its tokenizer is not supported.

    Attributes:
        max_tokens: Longest input, special tokens included.
    """

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self._model = model
        self._tokenizer, self.max_tokens = _tokenizer_and_limit(name, model)
        model.max_seq_length = self.max_tokens

    @classmethod
    def load(cls, name: str, *, device: str) -> Self:
        """Load a sentence encoder.

        Args:
            name: ``embedded``, ``embedded-en``, a folder, or a hub id such as
                ``sentence-transformers/xlm-r-distilroberta-base-paraphrase-v1`` (the paper's). A model
                without a pooling configuration uses mean pooling.
            device: Torch device.

        Raises:
            InvalidInput: The encoder cannot be loaded, or is not a sentence encoder.
            CorruptArtifact: The checksum of an embedded encoder is wrong.
        """
        try:
            model = _embedded(device) if name == EMBEDDED else _published(name, device)
        except _LOAD_FAILURES as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InvalidInput([Fault(_POINTER, f"{name!r} cannot be loaded: {reason}")]) from error
        return cls(name, model)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of everything that the vectors depend on, without the name: 64 hexadecimal digits."""
        digest = hashlib.sha256(json.dumps(self._settings(), sort_keys=True, default=str).encode())
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def embedding_texts(self, examples: Sequence[QaExample]) -> list[str]:
        """Return each triplet's text with as much of its context as fits into the encoder's window.

        If question and answer do not fit even without context, the encoder truncates them at the end.
        """
        texts = [embedding_text(example) for example in examples]
        limits = [min(CONTEXT_CHARACTERS, len(example.context)) for example in examples]
        too_long = list(range(len(examples)))
        while too_long:
            lengths = [len(ids) for ids in self._token_ids([texts[row] for row in too_long], truncate=False)]
            excess = {row: tokens - self.max_tokens for row, tokens in zip(too_long, lengths, strict=True)}
            too_long = [row for row in too_long if excess[row] > 0 and limits[row] > 0]
            for row in too_long:
                characters_per_token = len(texts[row]) / (excess[row] + self.max_tokens)
                limits[row] = max(0, limits[row] - math.ceil(excess[row] * characters_per_token))
                texts[row] = embedding_text(examples[row], context_characters=limits[row])
        return texts

    def embed(
        self, texts: Sequence[str], *, on_progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return the vector of each text.

        Args:
            texts: In any order; texts of similar length are encoded together.
            on_progress: Called after every batch with the number of texts that are done and of all texts. Its
                exceptions are propagated, which stops the work.

        Returns:
            [texts, width], of unit length.
        """
        width = self._model.get_embedding_dimension()
        vectors = np.empty((len(texts), width or 0), dtype=np.float32)
        done = 0
        for rows in length_batches(self._token_ids(texts), max_tokens=BATCH_TOKENS):
            vectors[rows] = self._model.encode(
                [texts[row] for row in rows],
                batch_size=len(rows),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            done += len(rows)
            if on_progress is not None:
                on_progress(done, len(texts))
        return vectors

    def _token_ids(self, texts: Sequence[str], *, truncate: bool = True) -> list[list[int]]:
        """Return the token ids of each text, special ones included."""
        if not texts:
            return []
        limit = self.max_tokens if truncate else None
        encodings = self._tokenizer(list(texts), truncation=truncate, max_length=limit, verbose=False)
        ids: list[list[int]] = encodings["input_ids"]
        return ids

    def _settings(self) -> dict[str, object]:
        """Return the settings that vectors depend on beside the weights."""
        body = self._model.transformers_model
        config = body.config.to_dict() if body is not None else {}
        modules = [
            (type(module).__name__, module.get_config_dict() if isinstance(module, Module) else {})
            for module in self._model
        ]
        tokenizer = json.loads(self._tokenizer.backend_tokenizer.to_str())
        return {
            "config": {name: value for name, value in config.items() if name not in _PROVENANCE},
            "modules": modules,
            # The backend also stores how the last texts were truncated and padded.
            "tokenizer": {name: value for name, value in tokenizer.items() if name not in _PER_CALL},
            "max_tokens": self.max_tokens,
            "prompt": self._model.prompts.get(self._model.default_prompt_name or ""),
        }


_PROVENANCE = frozenset({"_name_or_path", "architectures", "transformers_version"})
"""Settings of a model that describe its origin."""

_PER_CALL = frozenset({"truncation", "padding"})
"""Settings of a tokenizer that every call may change."""


def _embedded(device: str) -> SentenceTransformer:
    """Build the encoder that is part of the package, through a folder: the library loads nothing else."""
    encoder = load_encoder(EMBEDDED)
    with tempfile.TemporaryDirectory() as folder:
        encoder.model.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
        body = Transformer(folder)
    pooling = Pooling(body.get_embedding_dimension(), pooling_mode=encoder.pooling.value)
    return SentenceTransformer(modules=[body, pooling], device=device)


def _published(name: str, device: str) -> SentenceTransformer:
    """Load a folder or a hub id in single precision, whatever the saved precision."""
    if not name.strip():
        raise ValueError("expected a folder or a hub id, got nothing")
    source = str(base_folder()) if name == EMBEDDED_ENGLISH else name
    return SentenceTransformer(
        source,
        device=device,
        # Otherwise the library queries the hub for a folder, too.
        local_files_only=Path(source).is_dir(),
        model_kwargs={"dtype": torch.float32},
    )


def _tokenizer_and_limit(name: str, model: SentenceTransformer) -> tuple[PreTrainedTokenizerBase, int]:
    """Return a model's tokenizer and its longest input, special tokens included.

    Raises:
        InvalidInput: The model has no tokenizer, or one that is not supported.
    """
    body = model.transformers_model
    if body is None or not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        raise InvalidInput([Fault(_POINTER, f"{name!r} is no transformer that reads text")])
    try:
        encoder_limit = assemble_encoder(name, body, model.tokenizer).max_tokens
    except InvalidInput as error:
        raise InvalidInput([Fault(_POINTER, fault.detail) for fault in error.faults]) from error
    return model.tokenizer, min(model.max_seq_length or encoder_limit, encoder_limit)
