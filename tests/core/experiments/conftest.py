from pathlib import Path

import pytest

from core.experiments.folder import Folder
from tests.core.experiments.laboratory import experiment, run, write_samples


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data as the samples lie; never written to."""
    return write_samples(tmp_path_factory.mktemp("data"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An experiment's folder with nothing in it."""
    return Folder(tmp_path / "experiment")


@pytest.fixture(scope="session")
def finished(bert_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The folder of a finished experiment with both sweeps; no test changes its runs."""
    folder = Folder(tmp_path_factory.mktemp("finished"))
    asked = experiment(
        bert_folder, seeds=(42,), methods=("ft", "x-metra-ada"), shots=(2,), shares=(0.5, 1), draws=2
    )
    assert run(asked, data, folder) == []
    return folder
