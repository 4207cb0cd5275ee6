"""The wheel of the client: complete, and usable in a project that has an `app` package of its own."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from core.contracts.jobs import JobStatus
from tests.app.fake_service import ACCEPTED, FakeService, Reply, predictions, status_event, stream, succeeded
from tests.repository import ROOT

CLIENT = ROOT / "client"

SCRIPT = """
import asyncio, sys
import app
from xmetra_client import AsyncClient, Client, __file__ as location

assert app.OWNER == "the project", "the project's own app package"
url, site_packages = sys.argv[1:]
assert location.startswith(site_packages), location

with Client(url) as client:
    assert client.adapt("es", [{"text": "hola", "intent": "greet"}]).wait().checkpoint_id == "es-1"

async def predict():
    async with AsyncClient(url) as client:
        return await client.predict_mtod(["hola"], language="es")

print(asyncio.run(predict()).predictions[0].intent.name)
assert not {"core", "worker", "rich", "fastapi"} & sys.modules.keys()
"""


LAUNCHER = """
import runpy, sys
sys.path[0] = "."
sys.path.append(sys.argv[2])
runpy.run_path("main.py", run_name="__main__")
"""
"""Started without site-packages, so that only the wheel and its dependencies can be imported."""


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    environment = {**os.environ, "PIP_CONSTRAINT": str(ROOT / "build-constraints.txt")}
    subprocess.run(command, check=True, capture_output=True, env=environment)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # A copy: setuptools writes into the folder that it builds, and reuses what an earlier build left there.
    source = shutil.copytree(CLIENT, folder / "client", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    pip("wheel", "--no-deps", "--wheel-dir", folder, source)
    (file,) = folder.glob("*.whl")
    return file


def test_wheel_contains_the_package_with_its_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert wheel.name.startswith(f"xmetra_client-{version('xmetra')}-")
    assert {"xmetra_client/py.typed", "xmetra_client/models.py"} <= names
    assert all(name.startswith(("xmetra_client/", "xmetra_client-")) for name in names)


def test_wheel_works_beside_another_app_package(wheel: Path, service: FakeService, tmp_path: Path) -> None:
    service.answer("POST /adapt", Reply(ACCEPTED, 202))
    service.answer("GET /jobs/job-1", succeeded())
    service.answer("GET /jobs/job-1/events", stream(status_event(1, JobStatus.SUCCEEDED)))
    service.answer("POST /predict/mtod", predictions("hola"))
    site_packages, project = tmp_path / "site-packages", tmp_path / "project"
    pip("install", "--quiet", "--target", site_packages, "--constraint", ROOT / "requirements.txt", wheel)
    (project / "app").mkdir(parents=True)
    (project / "app" / "__init__.py").write_text('OWNER = "the project"\n')
    (project / "main.py").write_text(SCRIPT)

    result = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, service.url, str(site_packages)],
        cwd=project,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout == "alarm/set_alarm\n"
