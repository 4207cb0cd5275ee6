"""The store as the rest of the house sees it."""

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
"""One block: less might fit into the slack of a disk that is full."""

_LOCAL_SCHEMES = ("file://", "local://")


class Store:
    """Datasets, checkpoints, deployments and jobs in one place.

    Args:
        url: A folder, or any fsspec URL such as ``s3://bucket/xmetra``. Nothing is made there, and
            nothing is connected, before the first read or write.
        cache_folder: Where checkpoints of a store that is not a folder are kept for loading; None
            for a private one in the system's temporary folder.

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
        """Write, read and remove a small file, because nothing less proves that a store works.

        Raises:
            StoreUnavailable: It cannot be reached, written or read.
            StoreFull: It has no space left.
        """
        key = f".probe-{uuid4().hex}"
        self._backend.write(key, _PROBE)
        try:
            if self._backend.read(key) != _PROBE:
                raise StoreUnavailable("the store does not give back what was written to it")
        finally:
            self._backend.remove(key)


def _backend(url: str) -> Backend:
    """Choose who keeps the files: a folder is worth its own code, for it can fsync and link."""
    if not url.strip():
        raise InvalidInput([Fault("/store_url", "expected a folder or an fsspec URL, got nothing")])
    for scheme in _LOCAL_SCHEMES:
        url = url.removeprefix(scheme)
    if "://" in url:
        return RemoteBackend(url)
    return LocalBackend(Path(url))
