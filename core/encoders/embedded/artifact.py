"""The student as it ships: whole numbers for the rows, a tokenizer, a card, and checksums of all three."""

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
    """What is read back.

    Attributes:
        numbers: Rows that are not simply the base's.
        rows: Their embeddings, [numbers, width].
        pieces: Size of the whole vocabulary.
        body: The encoder's layers by name, where they were trained; otherwise empty.
        languages: Beside English.
    """

    numbers: NDArray[np.int64]
    rows: Float
    pieces: int
    body: dict[str, Float]
    languages: tuple[str, ...]


def quantised(rows: Float) -> tuple[NDArray[np.int8], Float]:
    """Return each row as whole numbers in ±127 and the step they are multiples of.

    Args:
        rows: [rows, width].
    """
    steps = (np.abs(rows).max(axis=1, initial=0.0) / LEVELS).astype(np.float32)
    levels = np.rint(rows / np.where(steps > 0, steps, 1.0)[:, None])
    return np.clip(levels, -LEVELS, LEVELS).astype(np.int8), steps


def restored(levels: NDArray[np.int8], steps: Float) -> Float:
    """Return the rows that `quantised` was given, as near as it keeps them."""
    rows: Float = np.multiply(levels, steps[:, None], dtype=np.float32)
    return rows


def write_artifact(folder: Path, student: Student, *, tokenizer: str, card: str) -> None:
    """Write a student into an empty folder.

    Args:
        folder: Exists.
        student: What is written.
        tokenizer: The tokenizer as JSON.
        card: What it is, from what, for whom: Markdown.
    """
    arrays: dict[str, NDArray[Any]] = {"numbers": student.numbers.astype(np.int32)}
    arrays["rows"], arrays["steps"] = quantised(student.rows)
    for name, tensor in student.body.items():
        flat = tensor.reshape(len(tensor), -1)
        levels, arrays[f"steps.{name}"] = quantised(flat)
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
    """Read what `write_artifact` wrote, after checking every file.

    Raises:
        CorruptArtifact: A file is missing or not what was written, or it was made for another base.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _verify(folder, manifest)
        arrays = load_file(folder / ROWS)
        return Student(
            arrays["numbers"].astype(np.int64),
            restored(arrays["rows"], arrays["steps"]),
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
    """Return the layers that were written, in single precision."""
    names = [name.removeprefix("body.") for name in arrays if name.startswith("body.")]
    found = {}
    for name in names:
        levels = arrays[f"body.{name}"]
        flat = restored(levels.reshape(len(levels), -1), arrays[f"steps.{name}"])
        found[name] = flat.reshape(levels.shape)
    return found
