"""Archives of checkpoints, valid and faulty ones."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from safetensors.numpy import save

from app.registry.archives import TAR
from core.contracts.reports import CheckpointManifest
from core.contracts.weights import head_rows, labels_metadata
from tests.app.service import INTENTS, SLOTS, Service


def weights(
    intents: Sequence[str] = INTENTS, slots: Sequence[str] = SLOTS, rows: Mapping[str, int] | None = None
) -> bytes:
    """Return weights with the metadata of some labels, and with heads for these or for other sizes."""
    heads = {**head_rows(intents, slots), **(rows or {})}
    tensors = {name: np.zeros((count, 4), dtype=np.float32) for name, count in heads.items()}
    return save(tensors, metadata=labels_metadata(intents, slots))


WEIGHTS = weights()

FILES: Mapping[str, bytes] = {
    "config.json": b'{"hidden_size": 4}',
    "encoder/vocab.txt": "[PAD]\nñ\n".encode(),
    "model.safetensors": WEIGHTS,
}


def manifest(files: Mapping[str, bytes] = FILES, **changes: Any) -> dict[str, Any]:
    """Return the manifest of a checkpoint with these files."""
    fields: dict[str, Any] = {
        "checkpoint_id": "es-7",
        "task": "mtod",
        "method": "ft",
        "languages": ["en", "es"],
        "dataset_ids": {},
        "encoder": "embedded",
        "intents": list(INTENTS),
        "slots": list(SLOTS),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "bytes": len(files.get("model.safetensors", b"")),
        "created_at": datetime(2026, 1, 2, tzinfo=UTC).isoformat(),
    }
    return fields | changes


def archive(
    files: Mapping[str, bytes] = FILES, said: Mapping[str, Any] | bytes | None = None, **changes: Any
) -> bytes:
    """Return the archive of a checkpoint.

    Args:
        files: Name → content, but for the manifest.
        said: The manifest; by default a valid one.
        changes: Fields that differ from the valid manifest.
    """
    document = manifest(files, **changes) if said is None else said
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return tar([*members({"manifest.json": data}), *members(files)])


def members(files: Mapping[str, bytes]) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return plain files as archive members."""
    parts = []
    for name, data in files.items():
        info = tarfile.TarInfo(name)
        info.size = len(data)
        parts.append((info, data))
    return parts


def tar(parts: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """Return an archive of members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as written:
        for info, data in parts:
            written.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def publish_addition(service: Service, checkpoint_id: str, base_id: str) -> None:
    """Publish a checkpoint without files that holds only additions to a base."""
    document = manifest({}, checkpoint_id=checkpoint_id, base_id=base_id, trainable="heads")
    empty = service.folder.parent / "empty"
    empty.mkdir(exist_ok=True)
    service.store.checkpoints.publish(empty, manifest=CheckpointManifest.model_validate(document))


def send(service: Service, data: bytes) -> Any:
    """Import an archive, and return the response."""
    return service.http.post("/checkpoints", content=data, headers={"content-type": TAR})
