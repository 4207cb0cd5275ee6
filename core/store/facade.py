"""The store: entry point to datasets, checkpoints, deployments, jobs and vectors."""

from pathlib import Path
from uuid import uuid4

from core.errors import Fault, InvalidInput, StoreUnavailable
from core.store.backend import Backend
from core.store.checkpoints import Checkpoints
from core.store.datasets import Datasets
from core.store.deployments import Deployments
from core.store.jobs import Jobs
from core.store.local import LocalBackend
from core.store.remote import RemoteBackend
from core.store.vectors import Vectors

_PROBE = b"\0" * 4096
"""One disk block, because less could fit into the slack of a full disk."""

_LOCAL_SCHEMES = ("file://", "local://")


class Store:
    """Datasets, checkpoints, deployments, jobs and vectors at one location.

    Args:
        url: A folder, or an fsspec URL such as ``s3://bucket/xmetra``. No folder is created and no connection
            is opened before the first read or write.
        cache_folder: Folder for local copies of checkpoints if the storage is remote; None for a private
            folder in the system's temporary folder.

    Raises:
        InvalidInput: The URL is empty.
    """

    def __init__(self, url: str, *, cache_folder: Path | None = None) -> None:
        self._backend = _backend(url)
        self.datasets = Datasets(self._backend)
        self.checkpoints = Checkpoints(self._backend, cache_folder=cache_folder)
        self.deployments = Deployments(self._backend)
        self.jobs = Jobs(self._backend)
        self.vectors = Vectors(self._backend)

    def check(self) -> None:
        """Check the storage by writing, reading and removing a small file.

        Raises:
            StoreUnavailable: The storage cannot be accessed, written or read.
            StoreFull: No space is left.
        """
        key = f".probe-{uuid4().hex}"
        self._backend.write(key, _PROBE)
        try:
            if self._backend.read(key) != _PROBE:
                raise StoreUnavailable("the store does not give back what was written to it")
        finally:
            self._backend.remove(key)


def _backend(url: str) -> Backend:
    """Return the backend for a URL: fsspec, except for local folders, which need fsync and hard links."""
    if not url.strip():
        raise InvalidInput([Fault("/store_url", "expected a folder or an fsspec URL, got nothing")])
    for scheme in _LOCAL_SCHEMES:
        url = url.removeprefix(scheme)
    if "://" in url:
        return RemoteBackend(url)
    return LocalBackend(Path(url))
