import shutil
from pathlib import Path

import pytest

from core.store import Store
from tests.core.pipeline.small_jobs import pretrain_job, run_job


@pytest.fixture(scope="session")
def store_with_base(bert_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with one base; read-only."""
    folder = tmp_path_factory.mktemp("store")
    store = Store(str(folder))
    run_job(pretrain_job(store, bert_folder), store)
    return folder


@pytest.fixture
def store_folder(store_with_base: Path, tmp_path: Path) -> Path:
    """A copy of the store with a base, for a single test."""
    return shutil.copytree(store_with_base, tmp_path / "store")


@pytest.fixture
def store(store_folder: Path) -> Store:
    return Store(str(store_folder))


@pytest.fixture
def empty_store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "empty"))
