import time

import anyio
from fastapi.testclient import TestClient

from app.health.warmup import warm_up
from app.main import create_app
from app.settings import Settings
from core.errors import CorruptArtifact
from tests.app.service import Service


def test_warm_up_loads_the_base(service: Service) -> None:
    anyio.run(warm_up, service.services)

    assert service.loader.loaded == ["base-en"]
    assert service.loader.models["base-en"].batches == [["hello"]]


def test_warm_up_loads_the_base_of_each_task(service: Service) -> None:
    service.make_qa_base()

    anyio.run(warm_up, service.services)

    assert service.loader.loaded == ["base-en", "qa-base-en"]


def test_warm_up_loads_nothing_without_a_base(fresh: Service) -> None:
    anyio.run(warm_up, fresh.services)

    assert fresh.loader.loaded == []


def test_warm_up_survives_a_corrupt_base(service: Service) -> None:
    service.loader.failure = CorruptArtifact("model.safetensors is not the file that was written")

    anyio.run(warm_up, service.services)

    assert service.http.get("/health/live").status_code == 200


def test_warm_up_survives_an_unexpected_error(service: Service) -> None:
    service.loader.failure = ZeroDivisionError("a fault")

    anyio.run(warm_up, service.services)

    assert service.http.get("/health/live").status_code == 200


def test_app_warms_up_at_start(service: Service) -> None:
    with TestClient(create_app(Settings(preload=True), services=service.services)) as http:
        assert http.get("/health/live").status_code == 200
        deadline = time.monotonic() + 60
        while not service.loader.models and time.monotonic() < deadline:
            time.sleep(0.02)
    assert service.loader.loaded == ["base-en"]
