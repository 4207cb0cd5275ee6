from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.fake_service import FakeService, fake_service
from xmetra_client import Client


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service() as running:
        yield running


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    with Client(service.url, pause=0.0) as connected:
        yield connected


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    file = tmp_path / "es.jsonl"
    file.write_text('{"text": "hola", "intent": "greet"}\n')
    return file
