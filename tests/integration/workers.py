"""A harness that starts a real worker and waits for its jobs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from core.contracts.jobs import JobRecord
from core.jobqueue.queue import JobQueue
from core.store import Store
from tests.repository import ROOT
from tests.worker.fakes import adapt_record

TIMEOUT_SECONDS = 30.0


def wait_until(condition: Callable[[], bool], *, seconds: float = TIMEOUT_SECONDS) -> float:
    """Wait until a condition holds; return the seconds that it took."""
    started_at = time.monotonic()
    while not condition():
        assert time.monotonic() - started_at < seconds, f"nothing happened within {seconds} seconds"
        time.sleep(0.02)
    return time.monotonic() - started_at


def is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class WorkerHarness:
    """A queue, a store, and a worker process with a fake pipeline."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self.redis_url = redis_url
        self.folder = folder
        self.store = Store(str(folder / "store"))
        self.queue = JobQueue.connect(redis_url)
        self.log = folder / "worker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.queue.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self, **settings: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "XMETRA_REDIS_URL": self.redis_url,
            "XMETRA_STORE_URL": str(self.folder / "store"),
            "XMETRA_CANCEL_GRACE_SECONDS": "1.5",
            **settings,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.fake_worker"],
                cwd=ROOT,
                env=environment,
                stderr=log,
            )
        return self.process

    def submit(self, job_id: str, behaviour: str = "succeeds", *, queue: JobQueue | None = None) -> str:
        self.store.jobs.save(adapt_record(job_id, behaviour))
        (queue or self.queue).enqueue(job_id)
        return job_id

    def record(self, job_id: str) -> JobRecord:
        return self.store.jobs.load(job_id)

    def wait_for_start(self, job_id: str) -> int:
        """Wait until the pipeline has started; return the id of its process."""

        def pids() -> list[int]:
            events = (event for _, event in self.queue.events(job_id) if event.event == "progress")
            return [int(event.data["metrics"]["pid"]) for event in events if "pid" in event.data["metrics"]]

        wait_until(lambda: bool(pids()))
        return pids()[-1]

    def wait_for_end(self, job_id: str) -> JobRecord:
        wait_until(lambda: self.record(job_id).status.is_final)
        return self.record(job_id)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait_for_exit(self) -> int:
        assert self.process is not None
        return self.process.wait(timeout=TIMEOUT_SECONDS)
