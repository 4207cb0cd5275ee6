import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", help="folder of the real data; default: the environment's XMETRA_DATA")


@pytest.fixture(scope="session")
def data_folder(pytestconfig: pytest.Config) -> Path:
    """The folder of the real data; tests that use it are skipped if none is configured."""
    value = pytestconfig.getoption("--data") or os.environ.get("XMETRA_DATA")
    if not value:
        pytest.skip("needs the real data: --data FOLDER or XMETRA_DATA")
    folder = Path(value)
    if not folder.is_dir():
        pytest.fail(f"the data folder {folder} does not exist")
    return folder
