from typing import NoReturn

import pytest

from app.inference.deployment_cache import LIVE_SECONDS, DeploymentCache, is_adapted, lookup_chain
from core.contracts.values import TaskName
from core.errors import ModelUnavailable, NotFound, StoreUnavailable
from tests.app.service import Service

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


class TestCheckpointsByName:
    def test_one_that_another_process_deleted_is_missed_within_a_second(self, service: Service) -> None:
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

    def test_one_that_was_there_stays_while_the_store_cannot_be_read(
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

    def test_a_name_that_nothing_has_is_not_remembered(self, service: Service) -> None:
        live = DeploymentCache(service.store)
        for _ in range(2):
            with pytest.raises(NotFound):
                live.require(MTOD, "nobody")


class TestLiveDeployments:
    def test_a_promotion_is_seen_within_a_second(self, service: Service) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
        assert live.checkpoint_for(MTOD, "es") == "base-en"

        service.adapt_to("es", "es-1")

        assert live.checkpoint_for(MTOD, "es") == "base-en"
        clock.now += LIVE_SECONDS
        assert live.checkpoint_for(MTOD, "es") == "es-1"

    def test_the_store_is_not_asked_for_every_utterance(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live = DeploymentCache(service.store, clock=Clock())
        live.checkpoint_for(MTOD, "es")

        monkeypatch.setattr(service.store, "deployments", None)

        assert live.checkpoint_for(MTOD, "es") == "base-en"

    def test_it_tells_whether_it_knows_without_the_store(self, service: Service) -> None:
        clock = Clock()
        live = DeploymentCache(service.store, clock=clock)
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
        live = DeploymentCache(service.store, clock=clock)
        live.checkpoint_for(MTOD, "es")
        monkeypatch.setattr(service.store.deployments, "live", away)
        clock.now += 60

        assert live.checkpoint_for(MTOD, "es") == "base-en"
        with pytest.raises(StoreUnavailable):
            live.checkpoint_for(MTOD, "fr")

    def test_memory_does_not_grow_with_the_tags_that_are_asked_for(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("app.inference.deployment_cache.MAX_LOOKUPS", 10)
        live = DeploymentCache(service.store)

        for number in range(50):
            live.checkpoint_for(MTOD, f"es-x-a{number}")

        assert len(live._live._known) <= 10

    def test_without_a_base_nothing_serves(self, fresh: Service) -> None:
        with pytest.raises(ModelUnavailable, match="POST /pretrain"):
            DeploymentCache(fresh.store).checkpoint_for(MTOD, "es")


def away(*_: object) -> NoReturn:
    raise StoreUnavailable("the store is away")
