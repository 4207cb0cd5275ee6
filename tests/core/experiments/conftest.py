from pathlib import Path

import pytest

from core.experiments.folder import Folder
from tests.core.experiments.small_experiments import experiment, run, write_samples


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder in the layout of the samples, which tests must not change."""
    return write_samples(tmp_path_factory.mktemp("data"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return an empty folder for an experiment."""
    return Folder(tmp_path / "experiment")


@pytest.fixture(scope="session")
def finished(bert_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Return the folder of a finished experiment with both sweeps, whose runs tests must not change."""
    folder = Folder(tmp_path_factory.mktemp("finished"))
    specification = experiment(
        bert_folder, seeds=(42,), methods=("ft", "x-metra-ada"), shots=(2,), shares=(0.5, 1), draws=2
    )
    assert run(specification, data, folder) == []
    return folder
