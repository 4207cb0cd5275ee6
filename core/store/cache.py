"""Local copies of checkpoints whose store is not a folder."""

import os
import shutil
import tempfile
from pathlib import Path

from core.contracts.reports import CheckpointManifest
from core.errors import CorruptArtifact, StoreUnavailable
from core.store.backend import Backend
from core.store.error_translation import translate_storage_errors
from core.store.names import is_file_name
from core.store.serialization import encoded
from core.store.verification import verify

_MANIFEST = "manifest.json"


class CheckpointCache:
    """Copies of checkpoints, each verified whenever it is asked for.

    Hashing costs a second where a download costs a minute, and a cache on a shared disk can be
    damaged as any file can. Two stores may hold different checkpoints of one name: the hashes tell
    them apart, too.

    Args:
        backend: Whose checkpoints.
        folder: Where the copies are; None for a folder of this user's own in the system's
            temporary one.
    """

    def __init__(self, backend: Backend, folder: Path | None) -> None:
        self._backend = backend
        self._folder = folder

    def fetch(self, key: str, manifest: CheckpointManifest) -> Path:
        """Return the local copy of a checkpoint, downloaded if there is no good one.

        Args:
            key: The checkpoint's folder in the store.
            manifest: What it must be.

        Raises:
            CorruptArtifact: What the store holds is not what the manifest says.
            StoreFull: There is no space for the copy.
            StoreUnavailable: The store, or the folder for the copies, cannot be used.
        """
        target = self._own_folder() / key
        with translate_storage_errors("cache", key):
            if _is_good(target, manifest):
                return target
            # Before the download, not after it: by then another process may have put a good one there.
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
            try:
                self._download(key, staging, manifest)
                _move_into_place(staging, target, manifest)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
        return target

    def forget(self, key: str) -> None:
        """Drop the local copy of a checkpoint, if there is one."""
        shutil.rmtree(self._own_folder() / key, ignore_errors=True)

    def _download(self, key: str, folder: Path, manifest: CheckpointManifest) -> None:
        """Copy every file of a checkpoint, and compare them with the manifest."""
        names = self._backend.files(key)
        unsafe = next((name for name in names if not is_file_name(name)), None)
        if unsafe is not None:
            raise CorruptArtifact(f"checkpoint {manifest.checkpoint_id}: {unsafe!r} is no name for a file")
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            self._backend.download(f"{key}/{name}", folder / name)
        verify({name: folder / name for name in names}, manifest)
        (folder / _MANIFEST).write_bytes(encoded(manifest))

    def _own_folder(self) -> Path:
        """Return the folder for the copies, which nobody else may have prepared for us."""
        if self._folder is not None:
            return self._folder
        folder = Path(tempfile.gettempdir()) / f"xmetra-checkpoints-{os.getuid()}"
        with translate_storage_errors("make", "the folder for copies of checkpoints"):
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.lstat().st_uid != os.getuid():
                raise StoreUnavailable(f"{folder} belongs to somebody else")
        return folder


def _is_good(folder: Path, manifest: CheckpointManifest) -> bool:
    """Tell whether a copy is there and undamaged."""
    files = {name: folder / name for name in manifest.files if (folder / name).is_file()}
    try:
        verify(files, manifest)
    except CorruptArtifact:
        return False
    recorded = folder / _MANIFEST
    return recorded.is_file() and recorded.read_bytes() == encoded(manifest)


def _move_into_place(staging: Path, target: Path, manifest: CheckpointManifest) -> None:
    """Give a complete copy its name, unless another process was first with the same."""
    try:
        staging.rename(target)
    except OSError:
        if not _is_good(target, manifest):
            raise
