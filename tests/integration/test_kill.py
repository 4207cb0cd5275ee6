"""SIGKILL of the api or the worker, at any moment, loses no accepted job and shows nothing half-written."""

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
from core.contracts.values import TaskName
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.predictor import Predictor
from core.store import Store
from core.store.verification import verify
from tests.core.pipeline.workshop import QUICK, done, only_base, pretrain_job
from tests.core.tiny import english, spanish, texts_of, tiny_encoder_folder
from tests.integration.workers import is_running, wait_until
from tests.repository import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to its parent")

KILLS = 20
SEED = 20
LONGEST_PAUSE_SECONDS = 1.5
A_REQUEST_SECONDS = 0.05
A_JOB_SECONDS = 0.8
EPOCHS = 40.0
PATIENCE_SECONDS = 120.0

SETTINGS = {
    "XMETRA_LOST_AFTER_SECONDS": "3",
    "XMETRA_MAX_ATTEMPTS": "100",
    "XMETRA_PRELOAD": "false",
    "XMETRA_THREADS": "1",
    "XMETRA_DEVICE": "cpu",
}


@dataclass
class Service:
    """An api and a worker that can be killed and are there again at once.

    The listening socket outlives the api, as it does behind a process manager: a client waits.
    """

    nursery: "subprocess.Popen[str]"
    url: str
    pids: dict[str, int] = field(default_factory=dict)

    def start(self, part: str) -> None:
        assert self.nursery.stdin is not None and self.nursery.stdout is not None
        self.nursery.stdin.write(f"{part}\n")
        self.nursery.stdin.flush()
        self.pids[part] = int(self.nursery.stdout.readline())

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
            nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.nursery", str(listener.fileno())],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                pass_fds=[listener.fileno()],
            )
        with nursery:
            assert nursery.stdout is not None and nursery.stdin is not None
            assert nursery.stdout.readline() == "ready\n"
            service = Service(nursery, f"http://127.0.0.1:{listener.getsockname()[1]}")
            try:
                service.start("api")
                service.start("worker")
                yield service
            finally:
                nursery.stdin.close()


class Client:
    """Sends jobs, one after the other, each until somebody accepts it, and remembers those."""

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
            self._is_over.wait(self._pauses.uniform(0, 2 * LONGEST_PAUSE_SECONDS))

    def _send(self, key: str) -> None:
        """Send one job; who hears nothing asks again, under the same key."""
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
    """A store with a base upon a tiny encoder."""
    store = Store(str(tmp_path / "store"))
    encoder = tiny_encoder_folder(tmp_path, "bert", texts_of(english(), spanish()))
    done(pretrain_job(store, encoder), store)
    assert only_base(store)
    return store


def a_moment(part: str, client: Client, store: Store, chance: random.Random) -> None:
    """Wait for a moment at which to kill: mostly one at which the part works."""
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
    elif part == "api":
        client.is_sending.wait(2 * LONGEST_PAUSE_SECONDS)
        time.sleep(chance.uniform(0, A_REQUEST_SECONDS))
    else:
        wait_until(lambda: any(record.status is JobStatus.RUNNING for record in store.jobs.list()))
        time.sleep(chance.uniform(0, A_JOB_SECONDS))


@pytest.mark.timeout(300)
def test_twenty_kills_lose_nothing(store: Store, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    victims = ["api", "worker"] * (KILLS // 2)
    chance.shuffle(victims)
    with running(tmp_path, tmp_path / "store") as service:
        with Client(service, random.Random(SEED + 1)) as client:
            for part in victims:
                a_moment(part, client, store, chance)
                service.kill(part)
        assert client.refusals == []
        assert len(set(client.accepted)) == len(client.accepted) > 0

        wait_until(lambda: all_ended(store, client.accepted), seconds=PATIENCE_SECONDS)
        listed = service.get("/jobs?limit=200")["jobs"]
        checkpoints = service.get("/checkpoints")["checkpoints"]
        shown = {job_id: service.get(f"/jobs/{job_id}") for job_id in client.accepted}

    assert {job["status"] for job in listed} == {"succeeded"}
    assert {job["job_id"] for job in listed} >= set(client.accepted)
    assert all(job["report"] is not None for job in shown.values())
    for checkpoint in checkpoints:
        opens_and_is_whole(store, checkpoint["checkpoint_id"])

    deployed = store.deployments.history(TaskName.MTOD, "es")
    by_job = Counter(one.job_id for one in deployed)
    assert set(by_job) == {job["job_id"] for job in listed}
    assert set(by_job.values()) == {1}
    assert {one.checkpoint_id for one in deployed} <= {one["checkpoint_id"] for one in checkpoints}
    assert all(
        shown[one.job_id]["checkpoint_id"] == one.checkpoint_id for one in deployed if one.job_id in shown
    )


def all_ended(store: Store, accepted: list[str]) -> bool:
    """Whether every job has ended, those too whose acceptance nobody heard."""
    records = store.jobs.list()
    return len(records) >= len(accepted) and all(record.status.is_final for record in records)


def opens_and_is_whole(store: Store, checkpoint_id: str) -> None:
    manifest = store.checkpoints.manifest(TaskName.MTOD, checkpoint_id)
    folder = store.checkpoints.fetch(TaskName.MTOD, checkpoint_id)
    verify({name: folder / name for name in manifest.files}, manifest)
    Predictor.open(store, manifest)
