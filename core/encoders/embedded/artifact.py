"""Storage format of the student: quantised rows, tokenizer, model card, and their checksums."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from core.encoders.embedded.minilm import BASE_SHA256
from core.errors import CorruptArtifact
from core.system.checksums import file_sha256

ROWS: Final = "rows.safetensors"
TOKENIZER: Final = "tokenizer.json"
CARD: Final = "README.md"
MANIFEST: Final = "manifest.json"

LEVELS: Final = 127

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Student:
    """Weights of a student.

    Attributes:
        numbers: Indices of the embedding rows that differ from the base.
        rows: Their embeddings, [numbers, width].
        pieces: Size of the whole vocabulary.
        body: Layers of the encoder by name; empty if they were not trained.
        languages: Languages other than English.
    """

    numbers: NDArray[np.int64]
    rows: Float
    pieces: int
    body: dict[str, Float]
    languages: tuple[str, ...]


def quantise(rows: Float) -> tuple[NDArray[np.int8], Float]:
    """Quantise each row to integers in ±127 and a step size.

    Args:
        rows: [rows, width].

    Returns:
        Integers [rows, width], and step sizes [rows].
    """
    steps = (np.abs(rows).max(axis=1, initial=0.0) / LEVELS).astype(np.float32)
    levels = np.rint(rows / np.where(steps > 0, steps, 1.0)[:, None])
    return np.clip(levels, -LEVELS, LEVELS).astype(np.int8), steps


def dequantise(levels: NDArray[np.int8], steps: Float) -> Float:
    """Return the rows of `quantise`, up to rounding."""
    rows: Float = np.multiply(levels, steps[:, None], dtype=np.float32)
    return rows


def write_artifact(folder: Path, student: Student, *, tokenizer: str, card: str) -> None:
    """Write a student to an empty folder.

    Args:
        folder: Existing folder.
        student: The weights.
        tokenizer: The tokenizer as JSON.
        card: The model card as Markdown.
    """
    arrays: dict[str, NDArray[Any]] = {"numbers": student.numbers.astype(np.int32)}
    arrays["rows"], arrays["steps"] = quantise(student.rows)
    for name, tensor in student.body.items():
        flat = tensor.reshape(len(tensor), -1)
        levels, arrays[f"steps.{name}"] = quantise(flat)
        arrays[f"body.{name}"] = levels.reshape(tensor.shape)
    save_file(arrays, folder / ROWS)
    (folder / TOKENIZER).write_text(tokenizer, encoding="utf-8")
    (folder / CARD).write_text(card, encoding="utf-8")
    manifest = {
        "base": BASE_SHA256,
        "pieces": student.pieces,
        "languages": student.languages,
        "files": {name: file_sha256(folder / name) for name in (ROWS, TOKENIZER, CARD)},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def read_artifact(folder: Path) -> Student:
    """Read a student that `write_artifact` wrote, and verify the checksums of its files.

    Raises:
        CorruptArtifact: A file is missing or was changed, or the student was made for another base.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _verify(folder, manifest)
        arrays = load_file(folder / ROWS)
        return Student(
            arrays["numbers"].astype(np.int64),
            dequantise(arrays["rows"], arrays["steps"]),
            int(manifest["pieces"]),
            _body(arrays),
            tuple(manifest["languages"]),
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CorruptArtifact(f"the embedded encoder in {folder.name} cannot be read: {error}") from error


def _verify(folder: Path, manifest: Mapping[str, Any]) -> None:
    if manifest["base"] != BASE_SHA256:
        raise CorruptArtifact(f"the embedded encoder was made for the base {manifest['base']}")
    for name, expected in manifest["files"].items():
        if file_sha256(folder / name) != expected:
            raise CorruptArtifact(f"{name} of the embedded encoder is not the file that was written")


def _body(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Float]:
    """Return the stored layers in single precision."""
    names = [name.removeprefix("body.") for name in arrays if name.startswith("body.")]
    layers = {}
    for name in names:
        levels = arrays[f"body.{name}"]
        flat = dequantise(levels.reshape(len(levels), -1), arrays[f"steps.{name}"])
        layers[name] = flat.reshape(levels.shape)
    return layers
