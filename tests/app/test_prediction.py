import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.app.service import Service, problem, running

BODY = {"utterances": ["uno"], "language": "es"}


def test_who_waits_longest_is_bounded_and_the_rest_are_told_to_come_back(
    redis_url: str, tmp_path: Path
) -> None:
    with (
        running(redis_url, tmp_path, predict_concurrency=1, max_waiting_predictions=2) as service,
        ThreadPoolExecutor(8) as pool,
    ):
        service.make_base()
        service.loader.gate = threading.Event()
        asked = [pool.submit(service.http.post, "/predict/mtod", json=BODY) for _ in range(3)]
        while service.services.mtod.turns.statistics().tasks_waiting < 2:
            time.sleep(0.01)

        refused = service.http.post("/predict/mtod", json=BODY)
        service.loader.gate.set()

        problem(refused, 503)
        assert int(refused.headers["retry-after"]) > 0
        assert [one.result().status_code for one in asked] == [200, 200, 200]


def test_other_requests_are_answered_while_a_model_loads(service: Service) -> None:
    with ThreadPoolExecutor(1) as pool:
        service.loader.gate = threading.Event()
        asked = pool.submit(service.http.post, "/predict/mtod", json=BODY)
        while not service.services.mtod.turns.statistics().borrowed_tokens:
            time.sleep(0.01)

        assert service.http.get("/health/live").status_code == 200
        assert service.http.get("/languages").status_code == 200
        service.loader.gate.set()
        assert asked.result().status_code == 200


def test_the_time_waited_is_told_apart_from_the_time_computed(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path, predict_concurrency=1) as service, ThreadPoolExecutor(2) as pool:
        service.make_base()
        service.loader.gate = threading.Event()
        asked = [pool.submit(service.http.post, "/predict/mtod", json=BODY) for _ in range(2)]
        while service.services.mtod.turns.statistics().tasks_waiting < 1:
            time.sleep(0.01)
        time.sleep(0.2)
        service.loader.gate.set()

        waits = sorted(one.result().json()["usage"]["queue_ms"] for one in asked)
        assert waits[0] < 150
        assert waits[1] >= 150
