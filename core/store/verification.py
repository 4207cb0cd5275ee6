"""Whether the files of a checkpoint are what its manifest says."""

from collections.abc import Mapping
from pathlib import Path

from core.contracts.reports import CheckpointManifest
from core.errors import CorruptArtifact
from core.store.error_translation import translate_storage_errors
from core.store.names import is_file_name
from core.system.checksums import file_sha256


def verify(files: Mapping[str, Path], manifest: CheckpointManifest) -> None:
    """Compare every file that the manifest names with its SHA-256.

    Args:
        files: Name → where it is; files that the manifest does not name are only held to have
            names that stay in the folder.
        manifest: What they should be.

    Raises:
        CorruptArtifact: A name leads elsewhere, or a file is missing or different.
        StoreUnavailable: A file cannot be read.
    """
    for name in sorted({*files, *manifest.files}):
        if not is_file_name(name):
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name!r} is no name for a file")
    for name, expected in manifest.files.items():
        if name not in files:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name} is missing")
        with translate_storage_errors("read", files[name].name):
            found = file_sha256(files[name])
        if found != expected:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {name} does not have its SHA-256")
