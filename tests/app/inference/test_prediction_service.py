import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import anyio.to_thread
import pytest

from app.inference import prediction_service
from app.inference.prediction_service import MAX_INLINE_CHARACTERS
from core.contracts.reports import Deployment
from core.contracts.values import MTOD, TaskName
from tests.app.service import Service, problem, running

BODY = {"utterances": ["uno"], "language": "es"}


def wait_until(true: Callable[[], bool]) -> None:
    while not true():
        time.sleep(0.01)


def test_overload_is_refused_with_retry_after(redis_url: str, tmp_path: Path) -> None:
    with (
        running(redis_url, tmp_path, max_waiting_tokens=8) as service,
        ThreadPoolExecutor(8) as pool,
    ):
        service.make_base()
        gate = service.loader.pass_gate = threading.Event()
        batcher = service.services.predictors[MTOD].batcher
        futures = [pool.submit(service.http.post, "/predict/mtod", json=BODY) for _ in range(2)]
        wait_until(lambda: batcher.waiting_tokens == 6)

        refused = service.http.post("/predict/mtod", json=BODY)
        gate.set()

        assert problem(refused, 503)["type"].endswith("overloaded")
        assert int(refused.headers["retry-after"]) > 0
        assert [future.result().status_code for future in futures] == [200, 200]


def test_other_routes_respond_while_a_model_loads(service: Service) -> None:
    with ThreadPoolExecutor(1) as pool:
        gate = service.loader.gate = threading.Event()
        future = pool.submit(service.http.post, "/predict/mtod", json=BODY)
        wait_until(lambda: bool(service.services.predictors[MTOD]._loads))

        assert service.http.get("/health/live").status_code == 200
        assert service.http.get("/languages").status_code == 200
        gate.set()
        assert future.result().status_code == 200


def test_loaded_model_predicts_while_another_one_loads(service: Service) -> None:
    service.adapt_to("th", "th-1")
    assert service.http.post("/predict/mtod", json=BODY).status_code == 200
    with ThreadPoolExecutor(64) as pool:
        gate = service.loader.gate = threading.Event()
        thai = {"utterances": ["uno"], "language": "th"}
        futures = [pool.submit(service.http.post, "/predict/mtod", json=thai) for _ in range(60)]
        wait_until(lambda: bool(service.services.predictors[MTOD]._loads))

        assert service.http.post("/predict/mtod", json=BODY).status_code == 200
        gate.set()
        assert {future.result().status_code for future in futures} == {200}
    assert service.loader.loaded == ["base-en", "th-1"]


def test_request_may_use_two_models_that_exceed_the_cache(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, predictor_cache_bytes=0) as service:
        service.make_base()
        service.adapt_to("th", "th-1")
        body = {"utterances": [{"text": "uno", "language": "es"}, {"text": "dos", "language": "th"}]}
        answer = service.http.post("/predict/mtod", json=body)
        assert answer.json()["checkpoints"] == {"es": "base-en", "th": "th-1"}


def test_usage_separates_waiting_from_computing(service: Service) -> None:
    other = {"utterances": ["uno"], "language": "es", "top_k": 1}  # not of the same pass
    service.http.post("/predict/mtod", json=BODY)
    with ThreadPoolExecutor(2) as pool:
        gate = service.loader.pass_gate = threading.Event()
        first = pool.submit(service.http.post, "/predict/mtod", json=BODY)
        wait_until(lambda: service.services.predictors[MTOD].batcher.waiting_tokens == 3)
        second = pool.submit(service.http.post, "/predict/mtod", json=other)
        wait_until(lambda: service.services.predictors[MTOD].batcher.waiting_tokens == 6)
        time.sleep(0.2)
        gate.set()

        computed, waited = first.result().json()["usage"], second.result().json()["usage"]
        assert computed["inference_ms"] >= 200
        assert waited["queue_ms"] >= 200


def test_requests_during_a_pass_share_the_next_one(service: Service) -> None:
    service.http.post("/predict/mtod", json=BODY)
    model = service.loader.models["base-en"]
    with ThreadPoolExecutor(8) as pool:
        gate = service.loader.pass_gate = threading.Event()
        futures = [pool.submit(service.http.post, "/predict/mtod", json=BODY) for _ in range(8)]
        wait_until(lambda: service.services.predictors[MTOD].batcher.waiting_tokens == 24)
        gate.set()
        assert {future.result().status_code for future in futures} == {200}
    assert sum(map(len, model.batches)) == 9
    assert len(model.batches) <= 4  # the first request, what began the pass, and all the others


def test_prediction_is_counted_in_the_metrics(service: Service) -> None:
    body = {"utterances": ["uno", "dos tres"], "language": "es"}
    for _ in range(2):
        assert service.http.post("/predict/mtod", json=body).status_code == 200
    response = service.http.get("/metrics").text
    for line in (
        'xmetra_predict_batch_items_sum{task="mtod"} 4.0',
        'xmetra_predict_batch_tokens_sum{task="mtod"} 14.0',
        'xmetra_predict_wait_seconds_count{task="mtod"} 2.0',
        'xmetra_predict_tokenise_seconds_count{task="mtod"} 2.0',
        'xmetra_predict_queued_items{task="mtod"} 0.0',
        "xmetra_model_cache_misses_total 1.0",
        "xmetra_model_cache_hits_total 2.0",
    ):
        assert line in response


@pytest.mark.parametrize(
    ("characters", "threads"), [(MAX_INLINE_CHARACTERS, 0), (MAX_INLINE_CHARACTERS + 1, 1)]
)
def test_only_long_inputs_are_tokenised_in_a_thread(
    service: Service, monkeypatch: pytest.MonkeyPatch, characters: int, threads: int
) -> None:
    body = {"utterances": ["x" * 250] * 4, "language": "es", "checkpoint": "base-en"}
    service.http.post("/predict/mtod", json=body)  # loads the model
    handed_over: list[object] = []

    async def run_sync(work: Callable[..., object], *arguments: object) -> object:
        handed_over.append(work)
        return await anyio.to_thread.run_sync(work, *arguments)

    monkeypatch.setattr(prediction_service, "to_thread", SimpleNamespace(run_sync=run_sync))
    body["utterances"] = ["x" * 250] * 3 + ["x" * (characters - 750)]
    assert service.http.post("/predict/mtod", json=body).status_code == 200
    assert len(handed_over) == threads


def test_store_is_read_only_in_threads(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_in: list[str] = []
    deployed = service.services.store.deployments.live

    def live(task: TaskName, key: str) -> Deployment | None:
        asked_in.append(threading.current_thread().name)
        return deployed(task, key)

    monkeypatch.setattr(service.services.store.deployments, "live", live)
    for _ in range(3):
        assert service.http.post("/predict/mtod", json=BODY).status_code == 200
    assert asked_in
    assert all(name.startswith("AnyIO worker") for name in asked_in)
