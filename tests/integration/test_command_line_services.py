"""``xmetra up | serve | worker`` as real processes, with a real Redis and the real API."""

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
from tests.app.service import few_shot
from tests.app.stack_parts import TRACE, wait_for_no_survivors
from tests.integration.workers import wait_until

SMALL_JOB = {
    "source_language": "en",
    "examples": few_shot(),
    "settings": {"epochs": 1},
    "evaluation": {"fraction": 0.1},
}


@contextmanager
def xmetra(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a command whose processes carry the folder as their trace; kill it at the end of the block."""
    command = [sys.executable, "-m", "app.cli", *arguments]
    environment = {**os.environ, TRACE: str(folder), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def first_document(process: subprocess.Popen[str]) -> dict[str, str]:
    """Read the JSON document that a command prints when it has started."""
    assert process.stdout is not None
    text = ""
    while not text.endswith("}\n"):
        line = process.stdout.readline()
        assert line, "it ended without output"
        text += line
    document: dict[str, str] = json.loads(text)
    return document


def test_up_runs_the_whole_service_until_interrupted(tmp_path: Path) -> None:
    with xmetra(tmp_path, "up", "--data", str(tmp_path / "data"), "--port", "0", "--json") as process:
        document = first_document(process)
        ready = httpx.get(f"{document['url']}/health/ready", timeout=30)
        assert ready.status_code == 200
        assert ready.json()["redis"]["status"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []
    assert sorted(path.name for path in (tmp_path / "data" / "logs").iterdir()) == ["api.log", "worker.log"]


def test_up_restarts_a_killed_redis_under_the_api_and_the_worker(tmp_path: Path) -> None:
    with xmetra(tmp_path, "up", "--data", str(tmp_path / "data"), "--port", "0", "--json") as process:
        url = first_document(process)["url"]
        pids = {name: program_pid(process, name) for name in ("redis-server", "worker.main", "app.cli serve")}
        submitted = httpx.post(f"{url}/pretrain", json=SMALL_JOB, timeout=30)
        assert submitted.status_code == 202

        os.kill(pids["redis-server"], signal.SIGKILL)

        wait_until(lambda: redis_restarted(process, pids["redis-server"]))
        wait_until(lambda: httpx.get(f"{url}/health/ready", timeout=30).status_code == 200)
        wait_until(lambda: has_ended(f"{url}{submitted.headers['location']}"), seconds=90)
        assert program_pid(process, "worker.main") == pids["worker.main"]
        assert program_pid(process, "app.cli serve") == pids["app.cli serve"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def program_pid(process: "subprocess.Popen[str]", program: str) -> int:
    """Return the process id of a running program of a stack."""
    (pid,) = (
        child.pid for child in psutil.Process(process.pid).children() if program in " ".join(child.cmdline())
    )
    return int(pid)


def redis_restarted(process: "subprocess.Popen[str]", pid: int) -> bool:
    """Whether a Redis with another process id runs."""
    try:
        return program_pid(process, "redis-server") != pid
    except (ValueError, psutil.Error):
        return False  # between the two servers


def has_ended(url: str) -> bool:
    """Whether the job at a URL has a final status."""
    response = httpx.get(url, timeout=30)
    return response.is_success and response.json()["status"] in {"succeeded", "failed"}


def test_up_exits_with_2_when_its_folder_is_in_use(tmp_path: Path) -> None:
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
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []


def test_serve_runs_without_redis_and_exits_on_sigterm(tmp_path: Path) -> None:
    with listening_socket("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    redis, store = f"unix://{tmp_path}/none.sock", str(tmp_path / "store")
    arguments = ["serve", "--port", str(port), "--redis-url", redis, "--store-url", store, "--json"]
    with xmetra(tmp_path, *arguments) as process:
        url = first_document(process)["url"]
        assert response_status(f"{url}/health/live") == 200
        assert response_status(f"{url}/health/ready") == 503
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_worker_command_execs_the_worker(tmp_path: Path) -> None:
    redis = f"unix://{tmp_path}/none.sock"
    with xmetra(tmp_path, "worker", "--redis-url", redis, "--store-url", str(tmp_path), "--json") as process:
        assert int(first_document(process)["process"]) == process.pid
        deadline = time.monotonic() + 30
        while "worker.main" not in psutil.Process(process.pid).cmdline():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        environment = psutil.Process(process.pid).environ()
        assert environment["XMETRA_REDIS_URL"] == redis


def response_status(url: str) -> int:
    """Return the status of the first response."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return httpx.get(url, timeout=30).status_code
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
