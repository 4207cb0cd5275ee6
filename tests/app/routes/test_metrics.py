from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from core.contracts.jobs import JobStatus
from core.contracts.values import MTOD
from core.jobqueue.counters import StageTotals
from tests.app.service import Service

Labels = Mapping[str, str]


def scraped(service: Service) -> dict[str, list[tuple[Labels, float]]]:
    """Scrape the metrics; return name → samples."""
    response = service.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    return samples


def value(service: Service, name: str, **labels: str) -> float | None:
    return next(
        (value for sample_labels, value in scraped(service).get(name, []) if sample_labels == labels), None
    )


class TestJobs:
    def test_metrics_count_waiting_jobs(self, service: Service) -> None:
        service.adapt()
        assert value(service, "xmetra_jobs", state="queued") == 1
        assert value(service, "xmetra_jobs", state="running") == 0
        assert value(service, "xmetra_workers") == 0
        assert value(service, "xmetra_redis_up") == 1

    def test_metrics_sum_the_work_of_all_workers(self, fresh: Service) -> None:
        fresh.queue.counters.count_training({(MTOD, "meta-train"): StageTotals(40, 12.5)})
        labels = {"task": "mtod", "stage": "meta-train"}
        assert value(fresh, "xmetra_training_steps_total", **labels) == 40
        assert value(fresh, "xmetra_training_seconds_total", **labels) == 12.5

    def test_metrics_count_jobs_that_were_cancelled_in_the_queue(self, service: Service) -> None:
        labels = {"kind": "adapt", "task": "mtod", "outcome": "cancelled"}
        assert value(service, "xmetra_jobs_finished_total", **labels) == 0
        job = service.adapt()
        cancelled = service.http.post(f"/jobs/{job['job_id']}/cancel")
        assert cancelled.json()["status"] == JobStatus.CANCELLED
        assert value(service, "xmetra_jobs_finished_total", **labels) == 1


class TestWithoutRedis:
    def test_metrics_of_the_process_are_exported(self, without_redis: Service) -> None:
        samples = scraped(without_redis)
        assert samples["xmetra_redis_up"] == [({}, 0)]
        assert "xmetra_models_loaded" in samples
        assert "process_cpu_seconds_total" in samples

    def test_metrics_of_redis_are_absent_and_not_zero(self, without_redis: Service) -> None:
        samples = scraped(without_redis)
        assert not {"xmetra_jobs", "xmetra_workers", "xmetra_jobs_finished_total"} & set(samples)


class TestRequests:
    def test_requests_are_counted_by_route_template(self, service: Service) -> None:
        for job_id in ("a", "b", "c"):
            service.http.get(f"/jobs/{job_id}")
        labels = {"route": "/jobs/{job_id}", "method": "GET", "status": "404"}
        assert value(service, "xmetra_http_requests_total", **labels) == 3

    def test_requests_to_unknown_paths_share_one_series(self, fresh: Service) -> None:
        for path in ("/a", "/b", "/wp-login.php"):
            fresh.http.get(path)
        for method in ("BREW", "POUR"):
            fresh.http.request(method, "/nowhere")
        series = [labels for labels, _ in scraped(fresh)["xmetra_http_requests_total"]]
        assert {(labels["route"], labels["method"]) for labels in series} == {
            ("other", "GET"),
            ("other", "other"),
        }

    def test_requests_refused_before_routing_count_for_their_route(self, service: Service) -> None:
        service.http.post("/adapt", content=b"{}", headers={"content-length": "99999999999"})
        labels = {"route": "/adapt", "method": "POST", "status": "413"}
        assert value(service, "xmetra_http_requests_total", **labels) == 1

    def test_requests_for_the_documentation_have_their_own_route(self, fresh: Service) -> None:
        fresh.http.get("/docs")
        labels = {"route": "/docs", "method": "GET", "status": "200"}
        assert value(fresh, "xmetra_http_requests_total", **labels) == 1

    def test_requests_that_fail_are_counted_as_errors(self, service: Service) -> None:
        service.loader.failure = RuntimeError("a bug")
        service.http.post("/predict/mtod", json={"utterances": ["hola"], "language": "es"})
        labels = {"route": "/predict/mtod", "method": "POST", "status": "500"}
        assert value(service, "xmetra_http_requests_total", **labels) == 1

    def test_requests_in_flight_include_the_scrape(self, fresh: Service) -> None:
        assert value(fresh, "xmetra_http_requests_in_flight") == 1
