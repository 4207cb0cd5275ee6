import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--data", help="folder of the real data; default: the environment's XMETRA_DATA")


@pytest.fixture(scope="session")
def data_folder(pytestconfig: pytest.Config) -> Path:
    """The folder of the real data; a test that asks for it is skipped where there is none."""
    given = pytestconfig.getoption("--data") or os.environ.get("XMETRA_DATA")
    if not given:
        pytest.skip("needs the real data: --data FOLDER or XMETRA_DATA")
    folder = Path(given)
    if not folder.is_dir():
        pytest.fail(f"the data folder {folder} does not exist")
    return folder
