"""Redis that is down, and a store that is full or read-only."""

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, NoReturn

import pytest

from core.jobqueue.queue import JobQueue
from tests.app.service import Service, adaptation, few_shot, problem


class TestRedisDown:
    def test_training_is_unavailable_for_now_and_leaves_no_job(self, without_redis: Service) -> None:
        response = without_redis.http.post("/adapt", json=adaptation())

        problem(response, 503)
        assert int(response.headers["retry-after"]) > 0
        assert without_redis.store.jobs.list() == []

    def test_a_plan_needs_no_redis(self, without_redis: Service) -> None:
        assert without_redis.http.post("/adapt", json=adaptation(dry_run=True)).status_code == 200

    def test_the_process_is_live_and_says_what_fails(self, without_redis: Service) -> None:
        assert without_redis.http.get("/health/live").status_code == 200
        ready = without_redis.http.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["redis"]["status"] == "failed"
        assert ready.json()["store"] == {"status": "ok", "detail": None}

    def test_predictions_go_on(self, without_redis: Service) -> None:
        body = {"utterances": ["hola"], "language": "es"}

        assert without_redis.http.post("/predict/mtod", json=body).status_code == 200

    def test_redis_that_fails_between_the_record_and_the_queue_leaves_a_failed_job(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        down = JobQueue.connect(f"unix://{tmp_path}/nobody.sock")
        monkeypatch.setattr(service.queue, "enqueue", down.enqueue)

        problem(service.http.post("/adapt", json=adaptation()), 503)

        (record,) = service.store.jobs.list()
        assert record.status == "failed"
        assert record.error is not None
        assert record.error.type == "urn:xmetra:problem:queue-unavailable"
        assert record.ended_at is not None


def no_space(file: BinaryIO, chunks: Iterable[bytes]) -> NoReturn:
    raise OSError(errno.ENOSPC, "no space left on device")


def read_only(file: BinaryIO, chunks: Iterable[bytes]) -> NoReturn:
    raise OSError(errno.EROFS, "read-only file system")


class TestStore:
    @pytest.mark.parametrize("path", ["/adapt", "/datasets"])
    def test_a_store_that_is_full(self, service: Service, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        monkeypatch.setattr("core.store.local.write_durably", no_space)
        body = adaptation() if path == "/adapt" else {"language": "es", "examples": few_shot()}

        told = service.refused(507, body, path)

        assert "no space left" in told["detail"]
        assert service.queue.waiting() == 0

    @pytest.mark.parametrize("path", ["/adapt", "/datasets"])
    def test_a_store_that_is_read_only(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        monkeypatch.setattr("core.store.local.write_durably", read_only)
        body = adaptation() if path == "/adapt" else {"language": "es", "examples": few_shot()}

        response = service.http.post(path, json=body)

        told = problem(response, 503)
        assert "read-only" in told["detail"]
        assert int(response.headers["retry-after"]) > 0

    def test_a_store_that_cannot_be_written_still_serves(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("core.store.local.write_durably", read_only)
        body = {"utterances": ["hola"], "language": "es"}

        assert service.http.post("/predict/mtod", json=body).status_code == 200
        ready = service.http.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["store"]["status"] == "failed"
