"""The service that documented commands talk to: real APIs, Redis and worker, with stand-in models."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from app.dependencies import Services
from app.main import create_app
from app.settings import Settings
from core.jobqueue.embedded_redis import EmbeddedRedis
from tests.app.service import FakeLoader
from tests.repository import ROOT, SAMPLES

JOB_SECONDS = 30.0


@dataclass(frozen=True)
class DocsStack:
    """What the pages assume to be running.

    Attributes:
        url: A service with bases for both tasks, two models for Spanish and one for Swahili questions.
        other_url: A second service, with a store of its own.
        locked_url: A service that requires keys from `keys_file`.
    """

    url: str
    other_url: str
    locked_url: str
    keys_file: Path

    def adapt(self, **fields: str) -> None:
        self._run_job("/adapt", **fields)

    def pretrain(self, **fields: str) -> None:
        self._run_job("/pretrain", **fields)

    def _run_job(self, path: str, *, examples: str, **fields: str) -> None:
        """Submit a job with a file of the samples, and wait until it has succeeded."""
        data = (SAMPLES / examples).read_bytes()
        response = httpx.post(self.url + path, data=fields, files={"examples": (examples, data)})
        assert response.status_code == 202, response.text
        job, deadline = f"{self.url}/jobs/{response.json()['job_id']}", time.monotonic() + JOB_SECONDS
        while (record := httpx.get(job).json())["status"] != "succeeded":
            assert record["status"] in {"queued", "running"}, record
            assert time.monotonic() < deadline, record
            time.sleep(0.05)


@contextmanager
def running_api(redis_url: str, store: Path, **settings: Any) -> Iterator[str]:
    """Run an API in a thread, and yield its URL."""
    chosen = Settings(redis_url=redis_url, store_url=str(store), preload=False, **settings)
    app = create_app(chosen, services=Services.of(chosen, load=FakeLoader()))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def running_worker(redis_url: str, store: Path, log: Path) -> Iterator[None]:
    environment = {**os.environ, "XMETRA_REDIS_URL": redis_url, "XMETRA_STORE_URL": str(store)}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "tests.docs.stand_in_worker"], cwd=ROOT, env=environment, stderr=output
        ) as process,
    ):
        try:
            yield
        finally:
            process.kill()


@contextmanager
def running_stack(folder: Path) -> Iterator[DocsStack]:
    """Start everything, and make the models that the pages assume."""
    keys_file = folder / "keys" / "keys.jsonl"
    keys_file.parent.mkdir()
    keys_file.touch(mode=0o600)
    with ExitStack() as stack:
        redis_url = stack.enter_context(EmbeddedRedis(folder / "redis")).url
        stack.enter_context(running_worker(redis_url, folder / "store", folder / "worker.log"))
        running = DocsStack(
            url=stack.enter_context(running_api(redis_url, folder / "store")),
            other_url=stack.enter_context(running_api(redis_url, folder / "other")),
            locked_url=stack.enter_context(running_api(redis_url, folder / "store", keys_file=keys_file)),
            keys_file=keys_file,
        )
        running.pretrain(task="mtod", source_language="en", examples="mtod/en.jsonl")
        running.pretrain(task="qa", source_language="en", examples="qa/en.json")
        for _ in range(2):
            running.adapt(task="mtod", language="es", examples="mtod/es.few-shot.jsonl")
        running.adapt(task="qa", language="sw", examples="qa/sw.few-shot.json")
        yield running
