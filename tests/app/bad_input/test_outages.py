"""Outages: Redis is down, or the store is full or read-only."""

import errno
from pathlib import Path
from typing import NoReturn

import pytest

from core.jobqueue.queue import JobQueue
from tests.app.service import Service, adaptation, few_shot, problem


class TestRedisDown:
    def test_training_is_unavailable_and_leaves_no_job(self, without_redis: Service) -> None:
        response = without_redis.http.post("/adapt", json=adaptation())

        problem(response, 503)
        assert int(response.headers["retry-after"]) > 0
        assert without_redis.store.jobs.list() == []

    def test_dry_run_needs_no_redis(self, without_redis: Service) -> None:
        assert without_redis.http.post("/adapt", json=adaptation(dry_run=True)).status_code == 200

    def test_process_is_live_and_not_ready(self, without_redis: Service) -> None:
        assert without_redis.http.get("/health/live").status_code == 200
        ready = without_redis.http.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["redis"]["status"] == "failed"
        assert ready.json()["store"] == {"status": "ok", "detail": None}

    def test_predictions_need_no_redis(self, without_redis: Service) -> None:
        body = {"utterances": ["hola"], "language": "es"}

        assert without_redis.http.post("/predict/mtod", json=body).status_code == 200

    def test_failure_before_queuing_leaves_a_failed_job(
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


def no_space(descriptor: int) -> NoReturn:
    raise OSError(errno.ENOSPC, "no space left on device")


def read_only(descriptor: int) -> NoReturn:
    raise OSError(errno.EROFS, "read-only file system")


class TestStore:
    @pytest.mark.parametrize("path", ["/adapt", "/datasets"])
    def test_full_store_is_reported(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        monkeypatch.setattr("os.fsync", no_space)
        body = adaptation() if path == "/adapt" else {"language": "es", "examples": few_shot()}

        refusal = service.refused(507, body, path)

        assert "no space left" in refusal["detail"]
        assert service.queue.waiting() == 0

    @pytest.mark.parametrize("path", ["/adapt", "/datasets"])
    def test_read_only_store_is_reported(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, path: str
    ) -> None:
        monkeypatch.setattr("os.fsync", read_only)
        body = adaptation() if path == "/adapt" else {"language": "es", "examples": few_shot()}

        response = service.http.post(path, json=body)

        refusal = problem(response, 503)
        assert "read-only" in refusal["detail"]
        assert int(response.headers["retry-after"]) > 0

    def test_read_only_store_still_serves_predictions(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.fsync", read_only)
        body = {"utterances": ["hola"], "language": "es"}

        assert service.http.post("/predict/mtod", json=body).status_code == 200
        ready = service.http.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["store"]["status"] == "failed"
