"""``xmetra up | serve | worker`` as a person starts them: real processes, a real Redis, the real API."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from app.devstack.stack import listening_socket
from tests.app.stack_parts import TRACE, wait_for_silence


@contextmanager
def xmetra(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command, traced by its folder; kill it at the end if it still runs."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    environment = {**os.environ, TRACE: str(folder), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_document(process: subprocess.Popen[str]) -> dict[str, str]:
    """Read the JSON document that a command prints once it runs."""
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, "it ended without a word"
        text += line
    document: dict[str, str] = json.loads(text)
    return document


def test_up_runs_the_whole_service_until_interrupted(tmp_path: Path) -> None:
    with xmetra(tmp_path, "up", "--data", str(tmp_path / "data"), "--port", "0", "--json") as process:
        where = first_document(process)
        ready = httpx.get(f"{where['url']}/health/ready", timeout=30)
        assert ready.status_code == 200
        assert ready.json()["redis"]["status"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert wait_for_silence(tmp_path, trace=str(tmp_path)) == []
    assert sorted(path.name for path in (tmp_path / "data" / "logs").iterdir()) == ["api.log", "worker.log"]


def test_up_says_when_its_folder_is_in_use(tmp_path: Path) -> None:
    with xmetra(tmp_path, "up", "--data", str(tmp_path), "--port", "0", "--json") as process:
        first_document(process)
        second = subprocess.run(
            [sys.executable, "-m", "app.cli", "up", "--data", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 2
        assert f"another xmetra (process {process.pid}) uses" in second.stderr.replace("\n", "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 128 + signal.SIGTERM
    assert wait_for_silence(tmp_path, trace=str(tmp_path)) == []


def test_serve_lives_without_redis_and_ends_when_told(tmp_path: Path) -> None:
    with listening_socket("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    redis, store = f"unix://{tmp_path}/none.sock", str(tmp_path / "store")
    arguments = ["serve", "--port", str(port), "--redis-url", redis, "--store-url", store, "--json"]
    with xmetra(tmp_path, *arguments) as process:
        url = first_document(process)["url"]
        assert _answer(f"{url}/health/live") == 200
        assert _answer(f"{url}/health/ready") == 503
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert wait_for_silence(tmp_path, trace=str(tmp_path)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_worker_becomes_the_worker_so_that_signals_reach_it(tmp_path: Path) -> None:
    redis = f"unix://{tmp_path}/none.sock"
    with xmetra(tmp_path, "worker", "--redis-url", redis, "--store-url", str(tmp_path), "--json") as process:
        assert int(first_document(process)["process"]) == process.pid
        deadline = time.monotonic() + 30
        while "worker.main" not in psutil.Process(process.pid).cmdline():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        environment = psutil.Process(process.pid).environ()
        assert environment["XMETRA_REDIS_URL"] == redis


def _answer(url: str) -> int:
    """Return the status of an answer, once there is one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url, timeout=30).status_code
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
