from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from core.contracts.jobs import JobStatus
from core.contracts.values import TaskName
from core.jobqueue.counters import Trained
from tests.app.service import Service

Labels = Mapping[str, str]


def scraped(service: Service) -> dict[str, list[tuple[Labels, float]]]:
    """Scrape as Prometheus does; return every sample by its name."""
    response = service.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(service: Service, name: str, **labels: str) -> float | None:
    return next((value for found, value in scraped(service).get(name, []) if found == labels), None)


class TestJobs:
    def test_jobs_that_wait_are_told(self, service: Service) -> None:
        service.adapt()
        assert value(service, "xmetra_jobs", state="queued") == 1
        assert value(service, "xmetra_jobs", state="running") == 0
        assert value(service, "xmetra_workers") == 0
        assert value(service, "xmetra_redis_up") == 1

    def test_what_all_workers_did_is_told(self, fresh: Service) -> None:
        fresh.queue.counters.count_training({(TaskName.MTOD, "meta-train"): Trained(40, 12.5)})
        labels = {"task": "mtod", "stage": "meta-train"}
        assert value(fresh, "xmetra_training_steps_total", **labels) == 40
        assert value(fresh, "xmetra_training_seconds_total", **labels) == 12.5

    def test_a_job_that_was_cancelled_while_it_waited_is_counted(self, service: Service) -> None:
        labels = {"kind": "adapt", "task": "mtod", "outcome": "cancelled"}
        assert value(service, "xmetra_jobs_finished_total", **labels) == 0
        job = service.adapt()
        cancelled = service.http.post(f"/jobs/{job['job_id']}/cancel")
        assert cancelled.json()["status"] == JobStatus.CANCELLED
        assert value(service, "xmetra_jobs_finished_total", **labels) == 1


class TestWithoutRedis:
    def test_everything_else_is_told(self, without_redis: Service) -> None:
        samples = scraped(without_redis)
        assert samples["xmetra_redis_up"] == [({}, 0)]
        assert "xmetra_models_loaded" in samples
        assert "process_cpu_seconds_total" in samples

    def test_what_only_redis_knows_is_left_out_and_not_told_as_nothing(self, without_redis: Service) -> None:
        samples = scraped(without_redis)
        assert not {"xmetra_jobs", "xmetra_workers", "xmetra_jobs_finished_total"} & set(samples)


class TestRequests:
    def test_all_jobs_are_one_route(self, service: Service) -> None:
        for job_id in ("a", "b", "c"):
            service.http.get(f"/jobs/{job_id}")
        labels = {"route": "/jobs/{job_id}", "method": "GET", "status": "404"}
        assert value(service, "xmetra_http_requests_total", **labels) == 3

    def test_paths_and_methods_that_are_none_of_ours_share_one_series(self, fresh: Service) -> None:
        for path in ("/a", "/b", "/wp-login.php"):
            fresh.http.get(path)
        for method in ("BREW", "POUR"):
            fresh.http.request(method, "/nowhere")
        found = [labels for labels, _ in scraped(fresh)["xmetra_http_requests_total"]]
        assert {(labels["route"], labels["method"]) for labels in found} == {
            ("other", "GET"),
            ("other", "other"),
        }

    def test_a_request_that_is_refused_before_it_is_routed_counts_for_its_route(
        self, service: Service
    ) -> None:
        service.http.post("/adapt", content=b"{}", headers={"content-length": "99999999999"})
        labels = {"route": "/adapt", "method": "POST", "status": "413"}
        assert value(service, "xmetra_http_requests_total", **labels) == 1

    def test_the_documentation_is_no_other_path(self, fresh: Service) -> None:
        fresh.http.get("/docs")
        labels = {"route": "/docs", "method": "GET", "status": "200"}
        assert value(fresh, "xmetra_http_requests_total", **labels) == 1

    def test_an_error_of_ours_counts_as_one(self, service: Service) -> None:
        service.loader.failure = RuntimeError("a bug")
        service.http.post("/predict/mtod", json={"utterances": ["hola"], "language": "es"})
        labels = {"route": "/predict/mtod", "method": "POST", "status": "500"}
        assert value(service, "xmetra_http_requests_total", **labels) == 1

    def test_a_scrape_is_itself_in_flight(self, fresh: Service) -> None:
        assert value(fresh, "xmetra_http_requests_in_flight") == 1
