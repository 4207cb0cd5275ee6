"""The base's body, the student's rows and tokenizer, as a plain Hugging Face encoder."""

from pathlib import Path
from typing import Final

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from core.encoders.embedded.artifact import TOKENIZER, Student, read_artifact
from core.encoders.embedded.minilm import base_folder

SHIPPED: Final = Path(__file__).parent / "student"
"""The artifact that comes with the package; `xmetra encoder build` makes another."""

# Its report of weights that a model leaves out (a pooling layer) and its bars are not for our users.
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


def base_model(**changes: float) -> PreTrainedModel:
    """Return a fresh all-MiniLM-L6-v2 without its pooling layer.

    Args:
        changes: Of its configuration.
    """
    model: PreTrainedModel = AutoModel.from_pretrained(base_folder(), add_pooling_layer=False, **changes)
    model.eval()
    return model


def assembled(student: Student, **changes: float) -> PreTrainedModel:
    """Return the base with a student's rows, and its layers where they were trained.

    Args:
        student: From the artifact.
        changes: Of the configuration.
    """
    model = base_model(**changes)
    old = model.get_parameter("embeddings.word_embeddings.weight").detach()
    rows = torch.zeros(student.pieces, old.shape[1])
    rows[: len(old)] = old
    rows[torch.from_numpy(student.numbers)] = torch.from_numpy(student.rows)
    embeddings = nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=0)  # type: ignore[no-untyped-call]
    model.set_input_embeddings(embeddings)
    model.config.vocab_size = student.pieces
    with torch.no_grad():
        for name, tensor in student.body.items():
            model.get_parameter(name).copy_(torch.from_numpy(tensor))
    return model


def fast_tokenizer(file: Path) -> PreTrainedTokenizerFast:
    """Read a tokenizer's file as transformers wants it."""
    return PreTrainedTokenizerFast(
        tokenizer_file=str(file),
        **{f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")},
    )


def load_student(
    folder: Path = SHIPPED, /, **changes: float
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load the encoder that ships.

    Args:
        folder: Of the artifact.
        changes: Of the configuration.

    Raises:
        CorruptArtifact: A file is not what was written.
    """
    student = read_artifact(folder)
    return assembled(student, **changes), fast_tokenizer(folder / TOKENIZER)
