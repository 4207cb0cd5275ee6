"""Checkpoints: immutable folders of model files, published by writing their manifest."""

from collections.abc import Callable
from pathlib import Path

from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import Conflict, CorruptArtifact, NotFound
from core.store import names
from core.store.backend import Backend
from core.store.cache import CheckpointCache
from core.store.listing import Listing
from core.store.serialization import decode_document, encode_document
from core.store.verification import verify

MANIFEST = "manifest.json"


class Checkpoints:
    """The checkpoints of a store.

    Args:
        backend: The storage.
        cache_folder: Folder for local copies if the storage is remote; None for the default.
    """

    def __init__(self, backend: Backend, *, cache_folder: Path | None = None) -> None:
        self._backend = backend
        self._cache = CheckpointCache(backend, cache_folder)
        self._listing = Listing(
            backend,
            file=MANIFEST,
            model=CheckpointManifest,
            name_of=lambda manifest: manifest.checkpoint_id,
            is_final=lambda _: True,
        )

    def publish(self, folder: Path, *, manifest: CheckpointManifest) -> bool:
        """Copy the files of a folder into the store, then write the manifest, which publishes the checkpoint.

        Publishing the same checkpoint again changes nothing.

        Args:
            folder: The files; a manifest.json among them is ignored.
            manifest: The manifest; the location depends on its task and checkpoint id.

        Returns:
            Whether the checkpoint is new.

        Raises:
            InvalidInput: The checkpoint id is not a valid identifier.
            CorruptArtifact: A file is missing, does not match the manifest, or has an invalid name.
            Conflict: Another checkpoint with that id exists.
            StoreFull: No space is left.
            StoreUnavailable: The store cannot be manifest_data.
        """
        names.validate_identifier("/checkpoint_id", manifest.checkpoint_id)
        if self._is_published(manifest):
            return False
        target = _folder(manifest.task, manifest.checkpoint_id)
        sources = _files_of(folder)
        verify(sources, manifest)
        for name, source in sources.items():
            self._backend.upload(f"{target}/{name}", source)
        if not self._backend.create(f"{target}/{MANIFEST}", encode_document(manifest)):
            self._is_published(manifest)
            return False
        return True

    def exists(self, task: TaskName, checkpoint_id: str) -> bool:
        """Return whether a checkpoint exists, even if its manifest is corrupt."""
        return names.is_identifier(checkpoint_id) and self._read_manifest(task, checkpoint_id) is not None

    def delete(self, task: TaskName, checkpoint_id: str, *, guard: Callable[[], None]) -> None:
        """Remove a checkpoint: first its manifest, then its files.

        The second call of the guard detects uses that began during the deletion; the manifest is restored
        then. A deletion that is killed leaves files without a manifest, which are ignored. The same
        checkpoint id must not be published at the same time.

        Args:
            task: Task of the checkpoint.
            checkpoint_id: Its id.
            guard: Raises if the checkpoint is in use. Called before and after the removal of the manifest.

        Raises:
            NotFound: The checkpoint does not exist.
            StoreUnavailable: The store cannot be manifest_data.
        """
        manifest_data = self._read_manifest(task, names.require_identifier("checkpoint", checkpoint_id))
        if manifest_data is None:
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")
        guard()
        folder = _folder(task, checkpoint_id)
        self._backend.remove(f"{folder}/{MANIFEST}")
        try:
            guard()
        except BaseException:
            self._backend.create(f"{folder}/{MANIFEST}", manifest_data)
            raise
        self._backend.remove_all(folder)
        if self._backend.folder(folder) is None:
            self._cache.evict(folder)

    def manifest(self, task: TaskName, checkpoint_id: str) -> CheckpointManifest:
        """Return the manifest of a checkpoint.

        Raises:
            NotFound: The checkpoint does not exist.
            CorruptArtifact: The manifest is invalid, or is that of another checkpoint.
        """
        data = self._read_manifest(task, names.require_identifier("checkpoint", checkpoint_id))
        if data is None:
            raise NotFound(f"there is no checkpoint {checkpoint_id!r}")
        manifest = decode_document(
            CheckpointManifest, data, name=f"the manifest of checkpoint {checkpoint_id}"
        )
        if manifest.checkpoint_id != checkpoint_id or manifest.task != task:
            raise CorruptArtifact(
                f"checkpoint {checkpoint_id} holds the manifest of {manifest.checkpoint_id}"
            )
        return manifest

    def fetch(self, task: TaskName, checkpoint_id: str) -> Path:
        """Return a local folder with the files of a checkpoint; it must not be modified.

        For local storage, this is the stored folder itself, otherwise a verified copy.

        Raises:
            NotFound: The checkpoint does not exist.
            CorruptArtifact: A file does not match the manifest.
            StoreFull: No space is left for the copy.
            StoreUnavailable: The store cannot be read.
        """
        manifest = self.manifest(task, checkpoint_id)
        folder = _folder(task, checkpoint_id)
        return self._backend.folder(folder) or self._cache.fetch(folder, manifest)

    def list(self, task: TaskName) -> list[CheckpointManifest]:
        """Return the checkpoints of a task, newest first; invalid manifests are logged and skipped."""
        return self._listing.read(f"checkpoints/{names.task_name(task)}")

    def _read_manifest(self, task: TaskName, checkpoint_id: str) -> bytes | None:
        """Return the content of a manifest file, or None if it does not exist."""
        return self._backend.read(f"{_folder(task, checkpoint_id)}/{MANIFEST}")

    def _is_published(self, manifest: CheckpointManifest) -> bool:
        """Return whether this checkpoint exists already.

        Raises:
            Conflict: Another checkpoint with its id exists.
        """
        try:
            existing = self.manifest(manifest.task, manifest.checkpoint_id)
        except NotFound:
            return False
        if existing != manifest:
            raise Conflict(f"there is another checkpoint named {manifest.checkpoint_id}")
        return True


def _folder(task: TaskName, checkpoint_id: str) -> str:
    return f"checkpoints/{names.task_name(task)}/{checkpoint_id}"


def _files_of(folder: Path) -> dict[str, Path]:
    """Return name → path of the files of a checkpoint; hidden files and the manifest are excluded."""
    paths = {
        path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    return {name: path for name, path in paths.items() if name != MANIFEST and not name.startswith(".")}
