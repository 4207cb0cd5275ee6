from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from core.store import Store


@pytest.fixture
def memory_url() -> Iterator[str]:
    """An object store of the test's own, in this process."""
    name = f"xmetra-{uuid4().hex}"
    yield f"memory://{name}"
    for path in [path for path in MemoryFileSystem.store if path.startswith(f"/{name}/")]:
        del MemoryFileSystem.store[path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the local store will be; it does not exist yet."""
    return tmp_path / "deep" / "store"


@pytest.fixture
def local_store(folder: Path) -> Store:
    return Store(str(folder))


@pytest.fixture
def memory_store(memory_url: str, tmp_path: Path) -> Store:
    return Store(memory_url, cache_folder=tmp_path / "cache")


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest) -> Store:
    """The same promises, whoever keeps the files."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store
