"""Local cache of checkpoints in remote storage."""

import os
import shutil
import tempfile
from pathlib import Path

from core.contracts.reports import CheckpointManifest
from core.errors import CorruptArtifact, StoreUnavailable
from core.store.backend import Backend
from core.store.error_translation import translate_storage_errors
from core.store.names import is_file_name
from core.store.serialization import encode_document
from core.store.verification import verify

_MANIFEST = "manifest.json"


class CheckpointCache:
    """Local copies of checkpoints, verified at each access.

    Hashing takes a second where a download takes a minute, and files of a cache on a shared disk can be
    damaged. The hashes also distinguish checkpoints of different stores that have the same name.

    Args:
        backend: The remote storage.
        folder: Folder of the copies; None for a private folder in the system's temporary folder.
    """

    def __init__(self, backend: Backend, folder: Path | None) -> None:
        self._backend = backend
        self._folder = folder

    def fetch(self, key: str, manifest: CheckpointManifest) -> Path:
        """Return the local copy of a checkpoint; download it if there is no valid copy.

        Args:
            key: The checkpoint's folder in the store.
            manifest: Manifest of the checkpoint.

        Raises:
            CorruptArtifact: The files in the store do not match the manifest.
            StoreFull: No space is left for the copy.
            StoreUnavailable: The store or the cache folder cannot be accessed.
        """
        target = self._cache_folder() / key
        with translate_storage_errors("cache", key):
            if _is_valid(target, manifest):
                return target
            # Before the download: afterwards another process may have put a valid copy there.
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            try:
                self._download(key, staging, manifest)
                _move_into_place(staging, target, manifest)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return target

    def evict(self, key: str) -> None:
        """Remove the local copy of a checkpoint, if there is one."""
        shutil.rmtree(self._cache_folder() / key, ignore_errors=True)

    def _download(self, key: str, folder: Path, manifest: CheckpointManifest) -> None:
        """Download the files of a checkpoint and verify them."""
        names = self._backend.files(key)
        unsafe = next((name for name in names if not is_file_name(name)), None)
        if unsafe is not None:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {unsafe!r} is no name for a file")
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            self._backend.download(f"{key}/{name}", folder / name)
        verify({name: folder / name for name in names}, manifest)
        (folder / _MANIFEST).write_bytes(encode_document(manifest))

    def _cache_folder(self) -> Path:
        """Return the folder of the copies, after checking that the default one belongs to this user."""
        if self._folder is not None:
            return self._folder
        folder = Path(tempfile.gettempdir()) / f"xmetra-checkpoints-{os.getuid()}"
        with translate_storage_errors("make", "the folder for copies of checkpoints"):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.lstat().st_uid != os.getuid():
                raise StoreUnavailable(f"{folder} belongs to somebody else")
        return folder


def _is_valid(folder: Path, manifest: CheckpointManifest) -> bool:
    """Return whether a copy exists and is undamaged."""
    files = {name: folder / name for name in manifest.files if (folder / name).is_file()}
    try:
        verify(files, manifest)
    except CorruptArtifact:
        return False
    path = folder / _MANIFEST
    return path.is_file() and path.read_bytes() == encode_document(manifest)


def _move_into_place(staging: Path, target: Path, manifest: CheckpointManifest) -> None:
    """Rename a complete copy to its final name, unless another process has put a valid copy there."""
    try:
        staging.rename(target)
    except OSError:
        if not _is_valid(target, manifest):
            raise
