"""How alike two triplets are: sentence vectors of "question context answer" (X-METRA-ADA, section 2.3.2).

The paper cuts what its encoder cannot read, which is the end: the answer. Here question and answer stay whole
and the context is cut around the answer.
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

from core.contracts.questions import QaExample
from core.encoders.embedded.minilm import base_folder
from core.encoders.loading import EMBEDDED, EMBEDDED_ENGLISH, assemble_encoder, load_encoder
from core.errors import Fault, InvalidInput
from core.tasks.batches import length_batches

CONTEXT: Final = 1_000
"""Characters of a context that are compared: nine of ten of TyDiQA's are shorter, and what an article says
far from the answer tells little of the question."""

BATCH_TOKENS: Final = 2_048
"""Tokens in one forward pass, padding included: bounds memory whatever the texts."""

_POINTER: Final = "/similarity"

_LOAD_FAILURES = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError, SafetensorError
)  # fmt: skip
"""What the library raises of a folder that is none of its own, or of no network."""

# Their advice on revisions, prompts and retries is not for our users.
for _library in ("sentence_transformers", "huggingface_hub"):
    logging.getLogger(_library).setLevel(logging.ERROR)


def triplet_text(example: QaExample, *, context: int = CONTEXT) -> str:
    """Return the triplet as the text that is compared, with its first answer.

    Args:
        example: A question, its context and its answers.
        context: Characters of the context to keep, the answer in their middle where it can be.
    """
    answer = example.answers[0]
    around = max(0, context - len(answer.text)) // 2
    start = max(0, min(answer.answer_start - around, len(example.context) - context))
    kept = example.context[start : start + context]
    return " ".join(part for part in (example.question, kept, answer.text) if part)


class SentenceEncoder:
    """A sentence-transformers model that reads triplets.

    Args:
        name: What it was asked for by.
        model: In evaluation mode or not; it is never trained.

    Raises:
        InvalidInput: It is no transformer, or its tokenizer cannot serve.
    """

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self._model = model
        self._tokenizer, self.max_tokens = _reading(name, model)
        model.max_seq_length = self.max_tokens

    @classmethod
    def load(cls, name: str, *, device: str) -> Self:
        """Load a sentence encoder.

        Args:
            name: ``embedded``, ``embedded-en``, a folder, or a hub id such as
                ``sentence-transformers/xlm-r-distilroberta-base-paraphrase-v1`` (the paper's). A model that
                does not say how it pools gives means.
            device: Where it computes.

        Raises:
            InvalidInput: It cannot be had, or is no sentence encoder.
            CorruptArtifact: An embedded encoder is not the published one.
        """
        try:
            model = _embedded(device) if name == EMBEDDED else _published(name, device)
        except _LOAD_FAILURES as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InvalidInput([Fault(_POINTER, f"{name!r} cannot be loaded: {reason}")]) from error
        return cls(name, model)

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of all that its vectors depend on, whatever it is called: 64 hexadecimal digits."""
        digest = hashlib.sha256(json.dumps(self._settings(), sort_keys=True, default=str).encode())
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def triplet_texts(self, examples: Sequence[QaExample]) -> list[str]:
        """Return each triplet's text with as much of its context as fits into the encoder's window.

        A question and an answer that do not fit without any context are cut by the encoder, at the end.
        """
        texts = [triplet_text(example) for example in examples]
        rooms = [min(CONTEXT, len(example.context)) for example in examples]
        left = list(range(len(examples)))
        while left:
            lengths = [len(ids) for ids in self._token_ids([texts[row] for row in left], whole=True)]
            excess = {row: tokens - self.max_tokens for row, tokens in zip(left, lengths, strict=True)}
            left = [row for row in left if excess[row] > 0 and rooms[row] > 0]
            for row in left:
                characters = len(texts[row]) / (excess[row] + self.max_tokens)  # of a token
                rooms[row] = max(0, rooms[row] - math.ceil(excess[row] * characters))
                texts[row] = triplet_text(examples[row], context=rooms[row])
        return texts

    def vectors(
        self, texts: Sequence[str], *, tell: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return the vector of each text.

        Args:
            texts: In any order; those of like length are read together.
            tell: Told after every batch how many texts of how many are done; what it raises, stops the work.

        Returns:
            [texts, width], of unit length.
        """
        width = self._model.get_embedding_dimension()
        found = np.empty((len(texts), width or 0), dtype=np.float32)
        done = 0
        for rows in length_batches(self._token_ids(texts), max_tokens=BATCH_TOKENS):
            found[rows] = self._model.encode(
                [texts[row] for row in rows],
                batch_size=len(rows),
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            done += len(rows)
            if tell is not None:
                tell(done, len(texts))
        return found

    def _token_ids(self, texts: Sequence[str], *, whole: bool = False) -> list[list[int]]:
        """Return the tokens of each text, special ones included, cut to the window if not `whole`."""
        if not texts:
            return []
        limit = None if whole else self.max_tokens
        read = self._tokenizer(list(texts), truncation=not whole, max_length=limit, verbose=False)
        ids: list[list[int]] = read["input_ids"]
        return ids

    def _settings(self) -> dict[str, object]:
        """Return what vectors depend on beside the weights."""
        body = self._model.transformers_model
        config = body.config.to_dict() if body is not None else {}
        modules = [
            (type(module).__name__, module.get_config_dict() if isinstance(module, Module) else {})
            for module in self._model
        ]
        tokenizer = json.loads(self._tokenizer.backend_tokenizer.to_str())
        return {
            "config": {name: value for name, value in config.items() if name not in _NAMES},
            "modules": modules,
            # How the last texts were cut and padded is kept among the rest.
            "tokenizer": {name: value for name, value in tokenizer.items() if name not in _LAST_USE},
            "max_tokens": self.max_tokens,
            "prompt": self._model.prompts.get(self._model.default_prompt_name or ""),
        }


_NAMES = frozenset({"_name_or_path", "architectures", "transformers_version"})
"""Settings of a model that say where it comes from."""

_LAST_USE = frozenset({"truncation", "padding"})
"""Settings of a tokenizer that every use may change."""


def _embedded(device: str) -> SentenceTransformer:
    """Assemble the encoder that ships, through a folder: the library reads nothing else."""
    encoder = load_encoder(EMBEDDED)
    with tempfile.TemporaryDirectory() as folder:
        encoder.model.save_pretrained(folder)
        encoder.tokenizer.save_pretrained(folder)
        body = Transformer(folder)
    pooling = Pooling(body.get_embedding_dimension(), pooling_mode=encoder.pooling.value)
    return SentenceTransformer(modules=[body, pooling], device=device)


def _published(name: str, device: str) -> SentenceTransformer:
    """Load a folder or a hub id, in single precision, whatever was saved."""
    if not name.strip():
        raise ValueError("expected a folder or a hub id, got nothing")
    source = str(base_folder()) if name == EMBEDDED_ENGLISH else name
    return SentenceTransformer(
        source,
        device=device,
        # Of a folder, too, it would else ask the hub.
        local_files_only=Path(source).is_dir(),
        model_kwargs={"dtype": torch.float32},
    )


def _reading(name: str, model: SentenceTransformer) -> tuple[PreTrainedTokenizerBase, int]:
    """Return a model's tokenizer and the longest input it takes, special tokens included.

    Raises:
        InvalidInput: It has none, or one that cannot serve.
    """
    body = model.transformers_model
    if body is None or not isinstance(model.tokenizer, PreTrainedTokenizerBase):
        raise InvalidInput([Fault(_POINTER, f"{name!r} is no transformer that reads text")])
    try:
        readable = assemble_encoder(name, body, model.tokenizer).max_tokens
    except InvalidInput as error:
        raise InvalidInput([Fault(_POINTER, fault.detail) for fault in error.faults]) from error
    return model.tokenizer, min(model.max_seq_length or readable, readable)
