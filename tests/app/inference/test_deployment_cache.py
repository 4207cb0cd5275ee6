from typing import NoReturn

import pytest

from app.inference.deployment_cache import LIVE_SECONDS, DeploymentCache, is_adapted, lookup_chain
from core.contracts.values import MTOD, TaskName
from core.errors import ModelUnavailable, NotFound, StoreUnavailable
from tests.app.service import Service


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
def test_lookup_follows_rfc_4647(tag: str, chain: list[str]) -> None:
    assert list(lookup_chain(tag)) == chain


@pytest.mark.parametrize(
    ("trained_on", "language", "adapted"),
    [
        (("en",), "en", True),
        (("en",), "en-GB", True),
        (("en", "es"), "es-MX", True),
        (("en",), "es", False),
        (("en", "es-MX"), "es", False),
    ],
)
def test_is_adapted_when_the_model_was_trained_on_the_language(
    service: Service, trained_on: tuple[str, ...], language: str, adapted: bool
) -> None:
    manifest = service.make_checkpoint("any", languages=trained_on)

    assert is_adapted(manifest, language) is adapted


class TestCheckpointsByName:
    def test_checkpoint_deleted_by_another_process_expires_within_a_second(self, service: Service) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
        service.make_checkpoint("es-1", languages=("en", "es"))
        live.require(MTOD, "es-1")
        service.store.checkpoints.delete(MTOD, "es-1", guard=lambda: None)

        assert live.recently_there(MTOD, "es-1")
        clock.now += LIVE_SECONDS
        assert not live.recently_there(MTOD, "es-1")
        with pytest.raises(NotFound, match="es-1"):
            live.require(MTOD, "es-1")

    def test_checkpoint_stays_cached_while_the_store_is_unavailable(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
        live.require(MTOD, "base-en")
        clock.now += LIVE_SECONDS

        def unreadable(task: TaskName, checkpoint_id: str) -> bool:
            raise StoreUnavailable("the disk is gone")

        monkeypatch.setattr(service.store.checkpoints, "exists", unreadable)
        live.require(MTOD, "base-en")
        with pytest.raises(StoreUnavailable):
            live.require(MTOD, "another")

    def test_unknown_checkpoint_is_not_cached(self, service: Service) -> None:
        live = DeploymentCache(service.store)
        for _ in range(2):
            with pytest.raises(NotFound):
                live.require(MTOD, "nobody")


class TestLiveDeployments:
    def test_deployment_is_refreshed_within_a_second(self, service: Service) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
        assert live.checkpoint_for(MTOD, "es") == "base-en"

        service.adapt_to("es", "es-1")

        assert live.checkpoint_for(MTOD, "es") == "base-en"
        clock.now += LIVE_SECONDS
        assert live.checkpoint_for(MTOD, "es") == "es-1"

    def test_deployment_is_cached_between_requests(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live = DeploymentCache(service.store, clock=Clock())
        live.checkpoint_for(MTOD, "es")

        monkeypatch.setattr(service.store, "deployments", None)

        assert live.checkpoint_for(MTOD, "es") == "base-en"

    def test_cache_reports_whether_an_entry_is_fresh(self, service: Service) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
        assert not live.knows(MTOD, "es-MX")
        live.checkpoint_for(MTOD, "es-MX")
        assert live.knows(MTOD, "es-MX")
        assert live.knows(MTOD, "es")
        assert not live.knows(MTOD, "th")
        clock.now += LIVE_SECONDS
        assert not live.knows(MTOD, "es-MX")

    def test_deployment_stays_cached_while_the_store_is_unavailable(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
        live.checkpoint_for(MTOD, "es")
        monkeypatch.setattr(service.store.deployments, "live", away)
        clock.now += 60

        assert live.checkpoint_for(MTOD, "es") == "base-en"
        with pytest.raises(StoreUnavailable):
            live.checkpoint_for(MTOD, "fr")

    def test_cache_size_is_bounded(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("app.inference.deployment_cache.MAX_ENTRIES", 10)
        live = DeploymentCache(service.store)

        for number in range(50):
            live.checkpoint_for(MTOD, f"es-x-a{number}")

        assert len(live._live._entries) <= 10

    def test_deployment_is_none_without_a_base(self, fresh: Service) -> None:
        with pytest.raises(ModelUnavailable, match="POST /pretrain"):
            DeploymentCache(fresh.store).checkpoint_for(MTOD, "es")


def away(*_: object) -> NoReturn:
    raise StoreUnavailable("the store is away")
