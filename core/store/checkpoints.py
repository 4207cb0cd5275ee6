"""Trained models: immutable folders that exist once their manifest does."""

from collections.abc import Callable
from pathlib import Path

from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Conflict, CorruptArtifact, NotFound
from core.store import names
from core.store.backend import Backend
from core.store.cache import CheckpointCache
from core.store.listing import Listing
from core.store.serialization import decoded, encoded
from core.store.verification import verify

MANIFEST = "manifest.json"


class Checkpoints:
    """The checkpoints of a store.

    Args:
        backend: Who keeps the files.
        cache_folder: Where copies are kept if the store is no folder; None for the default.
    """

    def __init__(self, backend: Backend, *, cache_folder: Path | None = None) -> None:
        self._backend = backend
        self._cache = CheckpointCache(backend, cache_folder)
        self._listing = Listing(
            backend,
            file=MANIFEST,
            model=CheckpointManifest,
            name_of=lambda manifest: manifest.checkpoint_id,
            is_settled=lambda _: True,
        )

    def publish(self, folder: Path, *, manifest: CheckpointManifest) -> bool:
        """Copy every file of a folder, then write the manifest, by which the checkpoint exists.

        Publishing the same again changes nothing.

        Args:
            folder: What to copy; a manifest.json in it is not looked at.
            manifest: Its task and name say where to.

        Returns:
            Whether it is new.

        Raises:
            InvalidInput: The checkpoint's name is not one that can be stored.
            CorruptArtifact: A file is missing, is not what the manifest says, or has a name that
                cannot be stored.
            Conflict: There is another checkpoint of that name.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be written.
        """
        names.writable("/checkpoint_id", manifest.checkpoint_id)
        if self._is_published(manifest):
            return False
        target = _folder(manifest.task, manifest.checkpoint_id)
        sources = _files_of(folder)
        verify(sources, manifest)
        for name, source in sources.items():
            self._backend.upload(f"{target}/{name}", source)
        if not self._backend.create(f"{target}/{MANIFEST}", encoded(manifest)):
            self._is_published(manifest)
            return False
        return True

    def exists(self, task: TaskName, checkpoint_id: str) -> bool:
        """Tell whether there is such a checkpoint, be its manifest readable or not."""
        return names.is_identifier(checkpoint_id) and self._written(task, checkpoint_id) is not None

    def delete(self, task: TaskName, checkpoint_id: str, *, guard: Callable[[], None]) -> None:
        """Remove a checkpoint: its manifest first, by which it exists, then its files.

        Whoever comes to need it while it is being deleted is seen by the second look of the guard;
        the manifest is put back then, and nothing has happened. A delete that is killed half-way
        leaves files that are no checkpoint. One and the same name must not be published meanwhile.

        Args:
            task: What it does.
            checkpoint_id: Which.
            guard: Raises if somebody needs it. Called before, and again once it exists no more.

        Raises:
            NotFound: There is no such checkpoint.
            StoreUnavailable: The store cannot be written.
        """
        written = self._written(task, names.existing("checkpoint", checkpoint_id))
        if written is None:
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")
        guard()
        folder = _folder(task, checkpoint_id)
        self._backend.remove(f"{folder}/{MANIFEST}")
        try:
            guard()
        except BaseException:
            self._backend.create(f"{folder}/{MANIFEST}", written)
            raise
        self._backend.remove_all(folder)
        if self._backend.folder(folder) is None:
            self._cache.forget(folder)

    def manifest(self, task: TaskName, checkpoint_id: str) -> CheckpointManifest:
        """Return what a checkpoint is.

        Raises:
            NotFound: There is no such checkpoint.
            CorruptArtifact: The manifest cannot be read, or is another's.
        """
        data = self._written(task, names.existing("checkpoint", checkpoint_id))
        if data is None:
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")
        manifest = decoded(CheckpointManifest, data, name=f"the manifest of checkpoint {checkpoint_id}")
        if manifest.checkpoint_id != checkpoint_id or manifest.task != task:
            raise CorruptArtifact(
                f"checkpoint {checkpoint_id} holds the manifest of {manifest.checkpoint_id}"
            )
        return manifest

    def fetch(self, task: TaskName, checkpoint_id: str) -> Path:
        """Return a local folder with the files of a checkpoint, to read and never to write.

        That is the folder itself if the store is one; else a copy whose every file was compared
        with the manifest.

        Raises:
            NotFound: There is no such checkpoint.
            CorruptArtifact: A file is not what the manifest says.
            StoreFull: There is no space for the copy.
            StoreUnavailable: The store cannot be read.
        """
        manifest = self.manifest(task, checkpoint_id)
        folder = _folder(task, checkpoint_id)
        return self._backend.folder(folder) or self._cache.fetch(folder, manifest)

    def list(self, task: TaskName) -> list[CheckpointManifest]:
        """Return every checkpoint of a task, newest first; a broken manifest is logged and left out."""
        return self._listing.read(f"checkpoints/{names.task_name(task)}")

    def _written(self, task: TaskName, checkpoint_id: str) -> bytes | None:
        """Return the bytes of a manifest, or None where there is none."""
        return self._backend.read(f"{_folder(task, checkpoint_id)}/{MANIFEST}")

    def _is_published(self, manifest: CheckpointManifest) -> bool:
        """Tell whether exactly this checkpoint exists already.

        Raises:
            Conflict: There is another of its name.
        """
        try:
            there = self.manifest(manifest.task, manifest.checkpoint_id)
        except NotFound:
            return False
        if there != manifest:
            raise Conflict(f"there is another checkpoint named {manifest.checkpoint_id}")
        return True


def _folder(task: TaskName, checkpoint_id: str) -> str:
    return f"checkpoints/{names.task_name(task)}/{checkpoint_id}"


def _files_of(folder: Path) -> dict[str, Path]:
    """Return name → path of every file that belongs to a checkpoint."""
    paths = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return {name: path for name, path in paths.items() if name != MANIFEST and not name.startswith(".")}
