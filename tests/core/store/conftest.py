from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.store import Store


@pytest.fixture
def memory_url() -> Iterator[str]:
    """Return the URL of an empty object store in memory."""
    name = f"xmetra-{uuid4().hex}"
    yield f"memory://{name}"
    for path in [path for path in MemoryFileSystem.store if path.startswith(f"/{name}/")]:
        del MemoryFileSystem.store[path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the local store, which does not exist yet."""
    return tmp_path / "deep" / "store"


@pytest.fixture
def local_store(folder: Path) -> Store:
    return Store(str(folder))


@pytest.fixture
def memory_store(memory_url: str, tmp_path: Path) -> Store:
    return Store(memory_url, cache_folder=tmp_path / "cache")


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    """Return a store with each kind of backend."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store
