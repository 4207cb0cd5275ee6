import threading
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest

from app.serving import LIVE_SECONDS, LiveDeployments, LoadedModels, is_adapted, lookup_chain
from core.contracts.reports import CheckpointManifest
from core.contracts.values import TaskName
from core.errors import CorruptArtifact, ModelUnavailable, NotFound, StoreUnavailable
from core.store import Store
from tests.app.service import FakeLoader, FakeModel, Service

MTOD = TaskName.MTOD


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("tag", "chain"),
    [
        ("es", ["es"]),
        ("es-MX", ["es-MX", "es"]),
        ("zh-Hant-TW", ["zh-Hant-TW", "zh-Hant", "zh"]),
        ("zh-Hant-CN-x-private1", ["zh-Hant-CN-x-private1", "zh-Hant-CN", "zh-Hant", "zh"]),
        ("es-u-co-trad", ["es-u-co-trad", "es-u-co", "es"]),
    ],
)
def test_tags_are_looked_up_as_rfc_4647_says(tag: str, chain: list[str]) -> None:
    assert list(lookup_chain(tag)) == chain


@pytest.mark.parametrize(
    ("trained_on", "asked", "adapted"),
    [
        (("en",), "en", True),
        (("en",), "en-GB", True),
        (("en", "es"), "es-MX", True),
        (("en",), "es", False),
        (("en", "es-MX"), "es", False),
    ],
)
def test_a_model_is_adapted_to_what_it_was_trained_on(
    service: Service, trained_on: tuple[str, ...], asked: str, adapted: bool
) -> None:
    manifest = service.make_checkpoint("any", languages=trained_on)

    assert is_adapted(manifest, asked) is adapted


class TestLiveDeployments:
    def test_a_promotion_is_seen_within_a_second(self, service: Service) -> None:
        clock = Clock()
        live = LiveDeployments(service.store, clock=clock)
        assert live.checkpoint_for(MTOD, "es") == "base-en"

        service.adapt_to("es", "es-1")

        assert live.checkpoint_for(MTOD, "es") == "base-en"
        clock.now += LIVE_SECONDS
        assert live.checkpoint_for(MTOD, "es") == "es-1"

    def test_the_store_is_not_asked_for_every_utterance(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live = LiveDeployments(service.store, clock=Clock())
        live.checkpoint_for(MTOD, "es")

        monkeypatch.setattr(service.store, "deployments", None)

        assert live.checkpoint_for(MTOD, "es") == "base-en"

    def test_it_tells_whether_it_knows_without_the_store(self, service: Service) -> None:
        clock = Clock()
        live = LiveDeployments(service.store, clock=clock)
        assert not live.knows(MTOD, "es-MX")
        live.checkpoint_for(MTOD, "es-MX")
        assert live.knows(MTOD, "es-MX")
        assert live.knows(MTOD, "es")
        assert not live.knows(MTOD, "th")
        clock.now += LIVE_SECONDS
        assert not live.knows(MTOD, "es-MX")

    def test_what_is_known_stays_true_while_the_store_is_away(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        live = LiveDeployments(service.store, clock=clock)
        live.checkpoint_for(MTOD, "es")
        monkeypatch.setattr(service.store.deployments, "live", away)
        clock.now += 60

        assert live.checkpoint_for(MTOD, "es") == "base-en"
        with pytest.raises(StoreUnavailable):
            live.checkpoint_for(MTOD, "fr")

    def test_memory_does_not_grow_with_the_tags_that_are_asked_for(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.serving.MAX_LOOKUPS", 10)
        live = LiveDeployments(service.store)

        for number in range(50):
            live.checkpoint_for(MTOD, f"es-x-a{number}")

        assert len(live._known) <= 10

    def test_without_a_base_nothing_serves(self, fresh: Service) -> None:
        with pytest.raises(ModelUnavailable, match="POST /pretrain"):
            LiveDeployments(fresh.store).checkpoint_for(MTOD, "es")


def away(*_: object) -> NoReturn:
    raise StoreUnavailable("the store is away")


class TestLoadedModels:
    @pytest.fixture
    def loader(self) -> FakeLoader:
        return FakeLoader()

    @pytest.fixture
    def store(self, service: Service) -> Store:
        for number in range(4):
            service.make_checkpoint(f"c{number}", languages=("en",))
        return service.store

    def test_a_model_is_loaded_once_however_many_ask_at_once(self, store: Store, loader: FakeLoader) -> None:
        loader.gate = threading.Event()
        models = LoadedModels(store, loader, max_bytes=1_000)
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(models.get, MTOD, "c0") for _ in range(8)]
            loader.gate.set()
            answers = {id(one.result()) for one in asked}

        assert loader.loaded == ["c0"]
        assert len(answers) == 1

    def test_the_least_recently_used_goes_first(self, store: Store, loader: FakeLoader) -> None:
        models = LoadedModels(store, loader, max_bytes=200)

        for checkpoint in ("c0", "c1", "c0", "c2", "c0", "c1"):
            models.get(MTOD, checkpoint)

        assert loader.loaded == ["c0", "c1", "c2", "c1"]

    def test_one_model_stays_however_large(self, store: Store, loader: FakeLoader) -> None:
        models = LoadedModels(store, loader, max_bytes=0)

        models.get(MTOD, "c0")
        models.get(MTOD, "c0")
        models.get(MTOD, "c1")
        models.get(MTOD, "c0")

        assert loader.loaded == ["c0", "c1", "c0"]

    def test_two_models_load_side_by_side(self, store: Store) -> None:
        both = threading.Barrier(2, timeout=10)
        fake = FakeLoader()

        def load(store: Store, manifest: CheckpointManifest) -> FakeModel:
            both.wait()
            model: FakeModel = fake(store, manifest)
            return model

        models = LoadedModels(store, load, max_bytes=1_000)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda checkpoint: models.get(MTOD, checkpoint), ["c0", "c1"]))

        assert sorted(fake.loaded) == ["c0", "c1"]

    def test_a_load_that_fails_fails_for_all_who_wait_and_is_tried_again(
        self, store: Store, loader: FakeLoader
    ) -> None:
        loader.failure = CorruptArtifact("damaged")
        models = LoadedModels(store, loader, max_bytes=1_000)
        for _ in range(2):
            with pytest.raises(CorruptArtifact):
                models.get(MTOD, "c0")
        loader.failure = None

        assert models.get(MTOD, "c0").manifest.checkpoint_id == "c0"
        assert loader.loaded == ["c0"] * 3

    def test_a_checkpoint_that_is_not_there(self, store: Store, loader: FakeLoader) -> None:
        with pytest.raises(NotFound):
            LoadedModels(store, loader, max_bytes=1_000).get(MTOD, "nobody")
