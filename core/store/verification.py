"""Verification of checkpoint files against their manifest."""

from collections.abc import Mapping
from pathlib import Path

from core.contracts.reports import CheckpointManifest
from core.errors import CorruptArtifact
from core.store.error_translation import translate_storage_errors
from core.store.names import is_file_name
from core.system.checksums import file_sha256


def verify(files: Mapping[str, Path], manifest: CheckpointManifest) -> None:
    """Compare the files of a checkpoint with the hashes in its manifest.

    Args:
        files: Name → path of each file; of files that are not in the manifest, only the name is checked.
        manifest: Manifest of the checkpoint.

    Raises:
        CorruptArtifact: A name is unsafe, or a file is missing or different.
        StoreUnavailable: A file cannot be read.
    """
    for name in sorted({*files, *manifest.files}):
        if not is_file_name(name):
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name!r} is no name for a file")
    for name, expected in manifest.files.items():
        if name not in files:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name} is missing")
        with translate_storage_errors("read", files[name].name):
            digest = file_sha256(files[name])
        if digest != expected:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name} does not have its SHA-256")
