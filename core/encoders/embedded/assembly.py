"""Assembly of the base's layers and a student's rows and tokenizer into a plain Hugging Face encoder."""

from pathlib import Path
from typing import Final

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging as transformers_logging

from core.encoders.embedded.artifact import TOKENIZER, Student, read_artifact
from core.encoders.embedded.minilm import base_folder

SHIPPED: Final = Path(__file__).parent / "student"
"""Folder of the artifact in the package; `xmetra encoder build` makes another."""

# Its warnings about unused weights (the pooling layer) and its progress bars do not concern users.
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


def base_model(**changes: float) -> PreTrainedModel:
    """Return a new all-MiniLM-L6-v2 without its pooling layer.

    Args:
        changes: Changes to its configuration.
    """
    model: PreTrainedModel = AutoModel.from_pretrained(base_folder(), add_pooling_layer=False, **changes)
    model.eval()
    return model


def assemble_student(student: Student, **changes: float) -> PreTrainedModel:
    """Return the base with a student's rows and, if they were trained, its layers.

    Args:
        student: The student.
        changes: Changes to the configuration.
    """
    model = base_model(**changes)
    base_rows = model.get_parameter("embeddings.word_embeddings.weight").detach()
    rows = torch.zeros(student.pieces, base_rows.shape[1])
    rows[: len(base_rows)] = base_rows
    rows[torch.from_numpy(student.numbers)] = torch.from_numpy(student.rows)
    embeddings = nn.Embedding.from_pretrained(rows, freeze=False, padding_idx=0)  # type: ignore[no-untyped-call]
    model.set_input_embeddings(embeddings)
    model.config.vocab_size = student.pieces
    with torch.no_grad():
        for name, tensor in student.body.items():
            model.get_parameter(name).copy_(torch.from_numpy(tensor))
    return model


def fast_tokenizer(file: Path) -> PreTrainedTokenizerFast:
    """Load a tokenizer file as a transformers tokenizer."""
    return PreTrainedTokenizerFast(
        tokenizer_file=str(file),
        **{f"{role}_token": f"[{role.upper()}]" for role in ("pad", "unk", "cls", "sep", "mask")},
    )


def load_student(
    folder: Path = SHIPPED, /, **changes: float
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load the student of an artifact.

    Args:
        folder: Folder of the artifact, by default the one in the package.
        changes: Changes to the configuration.

    Raises:
        CorruptArtifact: A file is missing or was changed.
    """
    student = read_artifact(folder)
    return assemble_student(student, **changes), fast_tokenizer(folder / TOKENIZER)
