"""Builders of small valid records for the tests."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.jobs import AdaptJob, JobKind, JobRecord
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)

UNSAFE_NAMES = [
    "../x",
    "..",
    ".",
    "",
    "a/b",
    "/etc/passwd",
    "a\\b",
    "a\0b",
    "a\n",
    "%2e%2e%2f",
    "x" * 65,
    "é",
]
"""Unsafe names, such as those with path traversal."""


def after_noon(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def examples() -> list[MtodExample]:
    return [
        MtodExample(
            text="pon una alarma a las siete",
            intent="alarm/set_alarm",
            slots=(SlotSpan(slot="datetime", start=15, end=26),),
        ),
        MtodExample(text="¿va a llover?\u2028sí", intent="weather/find"),
        MtodExample(text="ตั้งปลุกเจ็ดโมง", intent="alarm/set_alarm", tokens=("ตั้ง", "ปลุก")),
    ]


def job(job_id: str = "job-1", **changes: Any) -> JobRecord:
    fields: dict[str, Any] = {
        "job_id": job_id,
        "kind": JobKind.ADAPT,
        "task": MTOD,
        "language": "es",
        "request": AdaptJob(task=MTOD, language="es", dataset_id="d" * 64, base_id="base-1"),
        "created_at": NOON,
    }
    return JobRecord.model_validate(fields | changes)


def checkpoint_folder(folder: Path, *, weights: bytes = b"weights") -> Path:
    """Create the output files of training: weights, a tokenizer in a sub-folder, a report."""
    (folder / "encoder").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "encoder" / "tokenizer.json").write_text("{}")
    (folder / "report.json").write_text("{}")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return path → content of all files in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def checkpoint_manifest(folder: Path, checkpoint_id: str = "es-1", **changes: Any) -> CheckpointManifest:
    names = ("model.safetensors", "encoder/tokenizer.json")
    fields: dict[str, Any] = {
        "checkpoint_id": checkpoint_id,
        "task": MTOD,
        "method": "ft",
        "languages": ("en", "es"),
        "dataset_ids": {},
        "encoder": "embedded",
        "intents": ("alarm/set_alarm",),
        "slots": ("datetime",),
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
        "bytes": 7,
        "created_at": NOON,
    }
    return CheckpointManifest.model_validate(fields | changes)
