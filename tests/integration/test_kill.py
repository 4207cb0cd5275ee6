"""SIGKILL of the API or the worker at any moment loses no accepted job and exposes no partial result."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.devstack.stack import listening_socket
from core.contracts.jobs import JobStatus
from core.contracts.values import MTOD
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.predictor import Predictor
from core.store import Store
from core.store.verification import verify
from tests.core.pipeline.small_jobs import QUICK, only_base_id, pretrain_job, run_job
from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder
from tests.integration.workers import is_running, wait_until
from tests.repository import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to its parent")

KILLS = 20
SEED = 20
MAX_PAUSE_SECONDS = 1.5
REQUEST_SECONDS = 0.05
JOB_SECONDS = 0.8
EPOCHS = 40.0
TIMEOUT_SECONDS = 120.0

SETTINGS = {
    "XMETRA_LOST_AFTER_SECONDS": "3",
    "XMETRA_MAX_ATTEMPTS": "100",
    "XMETRA_PRELOAD": "false",
    "XMETRA_THREADS": "1",
    "XMETRA_DEVICE": "cpu",
}


@dataclass
class Service:
    """An API and a worker that are restarted at once after they are killed.

    The listening socket outlives the API, as it does under a process manager, so that clients wait.
    """

    fork_server: "subprocess.Popen[str]"
    url: str
    pids: dict[str, int] = field(default_factory=dict)

    def start(self, part: str) -> None:
        assert self.fork_server.stdin is not None and self.fork_server.stdout is not None
        self.fork_server.stdin.write(f"{part}\n")
        self.fork_server.stdin.flush()
        self.pids[part] = int(self.fork_server.stdout.readline())

    def kill(self, part: str) -> None:
        assert is_running(self.pids[part]), f"the {part} ended by itself"
        os.kill(self.pids[part], signal.SIGKILL)
        wait_until(lambda: not is_running(self.pids[part]))
        self.start(part)

    def get(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def running(folder: Path, store: Path) -> Iterator[Service]:
    with EmbeddedRedis(folder / "redis") as redis, listening_socket("127.0.0.1", 0) as listener:
        environment = {**os.environ, **SETTINGS}
        environment |= {"XMETRA_REDIS_URL": redis.url, "XMETRA_STORE_URL": str(store)}
        with (folder / "log").open("wb") as log:
            fork_server = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.fork_server", str(listener.fileno())],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=[listener.fileno()],
            )
        with fork_server:
            assert fork_server.stdout is not None and fork_server.stdin is not None
            assert fork_server.stdout.readline() == "ready\n"
            service = Service(fork_server, f"http://127.0.0.1:{listener.getsockname()[1]}")
            try:
                service.start("api")
                service.start("worker")
                yield service
            finally:
                fork_server.stdin.close()


class Client:
    """Submits jobs one after the other, each until it is accepted, and records their ids."""

    def __init__(self, service: Service, pauses: random.Random) -> None:
        self.accepted: list[str] = []
        self.refusals: list[str] = []
        self.is_sending = threading.Event()
        self._service = service
        self._pauses = pauses
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._send_all)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _send_all(self) -> None:
        for number in itertools.count():
            if self._is_over.is_set():
                return
            self._send(f"request-{number}")
            self._is_over.wait(self._pauses.uniform(0, 2 * MAX_PAUSE_SECONDS))

    def _send(self, key: str) -> None:
        """Submit a job; retry with the same idempotency key if there is no response."""
        body = {
            "task": "mtod",
            "language": "es",
            "examples": [example.model_dump(mode="json") for example in spanish()],
            "evaluation": {"fraction": 0.25},
            "method": "ft",
            "hyperparameters": {"fine_tune": {**QUICK.fine_tune.model_dump(mode="json"), "epochs": EPOCHS}},
            "promote": "always",
        }
        while not self._is_over.is_set():
            self.is_sending.set()
            try:
                answer = httpx.post(
                    f"{self._service.url}/adapt", json=body, headers={"idempotency-key": key}, timeout=30
                )
            except httpx.TransportError:
                continue
            finally:
                self.is_sending.clear()
            if answer.status_code == 202:
                self.accepted.append(answer.json()["job_id"])
            else:
                self.refusals.append(answer.text)
            return


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a base that has a tiny encoder."""
    store = Store(str(tmp_path / "store"))
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    run_job(pretrain_job(store, encoder), store)
    assert only_base_id(store)
    return store


def wait_for_a_moment_to_kill(part: str, client: Client, store: Store, rng: random.Random) -> None:
    """Wait for a moment to kill a process: mostly while it is working."""
    if rng.random() < 0.2:
        time.sleep(rng.uniform(0, MAX_PAUSE_SECONDS))
    elif part == "api":
        client.is_sending.wait(2 * MAX_PAUSE_SECONDS)
        time.sleep(rng.uniform(0, REQUEST_SECONDS))
    else:
        wait_until(lambda: any(record.status is JobStatus.RUNNING for record in store.jobs.list()))
        time.sleep(rng.uniform(0, JOB_SECONDS))


@pytest.mark.timeout(300)
def test_service_loses_no_job_when_its_processes_are_killed(store: Store, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    targets = ["api", "worker"] * (KILLS // 2)
    rng.shuffle(targets)
    with running(tmp_path, tmp_path / "store") as service:
        with Client(service, random.Random(SEED + 1)) as client:
            for part in targets:
                wait_for_a_moment_to_kill(part, client, store, rng)
                service.kill(part)
        assert client.refusals == []
        assert len(set(client.accepted)) == len(client.accepted) > 0

        wait_until(lambda: all_ended(store, client.accepted), seconds=TIMEOUT_SECONDS)
        jobs = service.get("/jobs?limit=200")["jobs"]
        checkpoints = service.get("/checkpoints")["checkpoints"]
        job_views = {job_id: service.get(f"/jobs/{job_id}") for job_id in client.accepted}

    assert {job["status"] for job in jobs} == {"succeeded"}
    assert {job["job_id"] for job in jobs} >= set(client.accepted)
    assert all(job["report"] is not None for job in job_views.values())
    for checkpoint in checkpoints:
        assert_checkpoint_is_intact(store, checkpoint["checkpoint_id"])

    deployments = store.deployments.history(MTOD, "es")
    by_job = Counter(deployment.job_id for deployment in deployments)
    assert set(by_job) == {job["job_id"] for job in jobs}
    assert set(by_job.values()) == {1}
    assert {deployment.checkpoint_id for deployment in deployments} <= {
        checkpoint["checkpoint_id"] for checkpoint in checkpoints
    }
    assert all(
        job_views[deployment.job_id]["checkpoint_id"] == deployment.checkpoint_id
        for deployment in deployments
        if deployment.job_id in job_views
    )


def all_ended(store: Store, accepted: list[str]) -> bool:
    """Whether every job has ended, including those whose acceptance the client did not receive."""
    records = store.jobs.list()
    return len(records) >= len(accepted) and all(record.status.is_final for record in records)


def assert_checkpoint_is_intact(store: Store, checkpoint_id: str) -> None:
    manifest = store.checkpoints.manifest(MTOD, checkpoint_id)
    folder = store.checkpoints.fetch(MTOD, checkpoint_id)
    verify({name: folder / name for name in manifest.files}, manifest)
    Predictor.open(store, manifest)
