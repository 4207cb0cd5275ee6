import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.inference.model_cache import ModelCache
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD
from core.errors import CorruptArtifact, NotFound
from core.store import Store
from tests.app.service import FakeLoader, FakeModel, Service


class TestLoadedModels:
    @pytest.fixture
    def loader(self) -> FakeLoader:
        return FakeLoader()

    @pytest.fixture
    def store(self, service: Service) -> Store:
        for number in range(4):
            service.make_checkpoint(f"c{number}", languages=("en",))
        return service.store

    def test_model_is_loaded_once_for_concurrent_requests(self, store: Store, loader: FakeLoader) -> None:
        loader.gate = threading.Event()
        models = ModelCache(store, loader, max_bytes=1_000)
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(models.get, MTOD, "c0") for _ in range(8)]
            loader.gate.set()
            answers = {id(future.result()) for future in futures}

        assert loader.loaded == ["c0"]
        assert len(answers) == 1

    def test_least_recently_used_model_is_evicted_first(self, store: Store, loader: FakeLoader) -> None:
        models = ModelCache(store, loader, max_bytes=200)

        for checkpoint in ("c0", "c1", "c0", "c2", "c0", "c1"):
            models.get(MTOD, checkpoint)

        assert loader.loaded == ["c0", "c1", "c2", "c1"]

    def test_single_model_stays_whatever_its_size(self, store: Store, loader: FakeLoader) -> None:
        models = ModelCache(store, loader, max_bytes=0)

        models.get(MTOD, "c0")
        models.get(MTOD, "c0")
        models.get(MTOD, "c1")
        models.get(MTOD, "c0")

        assert loader.loaded == ["c0", "c1", "c0"]

    def test_two_models_load_concurrently(self, store: Store) -> None:
        both = threading.Barrier(2, timeout=10)
        fake = FakeLoader()

        def load(store: Store, manifest: CheckpointManifest) -> FakeModel:
            both.wait()
            model: FakeModel = fake(store, manifest)
            return model

        models = ModelCache(store, load, max_bytes=1_000)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda checkpoint: models.get(MTOD, checkpoint), ["c0", "c1"]))

        assert sorted(fake.loaded) == ["c0", "c1"]

    def test_failed_load_fails_all_waiting_requests_and_is_retried(
        self, store: Store, loader: FakeLoader
    ) -> None:
        loader.failure = CorruptArtifact("damaged")
        models = ModelCache(store, loader, max_bytes=1_000)
        for _ in range(2):
            with pytest.raises(CorruptArtifact):
                models.get(MTOD, "c0")
        loader.failure = None

        assert models.get(MTOD, "c0").manifest.checkpoint_id == "c0"
        assert loader.loaded == ["c0"] * 3

    def test_unknown_checkpoint_is_not_found(self, store: Store, loader: FakeLoader) -> None:
        with pytest.raises(NotFound):
            ModelCache(store, loader, max_bytes=1_000).get(MTOD, "nobody")
