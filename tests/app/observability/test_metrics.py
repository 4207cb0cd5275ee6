from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.observability.metrics import Metrics
from core.contracts.values import TaskName


def told(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_two_apps_in_one_process_measure_apart() -> None:
    one, other = Metrics(), Metrics()
    one.cache_hit()
    assert told(one, "xmetra_model_cache_hits_total") == 1
    assert told(other, "xmetra_model_cache_hits_total") == 0


def test_a_request_is_counted_by_its_status_and_timed_by_its_class() -> None:
    metrics = Metrics()
    metrics.answered(route="/jobs/{job_id}", method="GET", status=404, seconds=0.03)
    labels = {"route": "/jobs/{job_id}", "method": "GET"}
    assert told(metrics, "xmetra_http_requests_total", **labels, status="404") == 1
    name = "xmetra_http_request_duration_seconds"
    assert told(metrics, f"{name}_sum", **labels, status="4xx") == 0.03
    assert told(metrics, f"{name}_bucket", **labels, status="4xx", le="0.025") == 0
    assert told(metrics, f"{name}_bucket", **labels, status="4xx", le="0.05") == 1


def test_a_request_is_in_flight_until_it_is_over() -> None:
    metrics = Metrics()
    with metrics.in_flight():
        assert told(metrics, "xmetra_http_requests_in_flight") == 1
    assert told(metrics, "xmetra_http_requests_in_flight") == 0


def test_a_pass_tells_its_size_and_both_of_its_times() -> None:
    metrics = Metrics()
    metrics.passed(task=TaskName.MTOD, items=8, tokens=120, seconds=0.02)
    metrics.passed(task=TaskName.MTOD, items=1, tokens=9, seconds=0.01)
    metrics.tokenised(task=TaskName.MTOD, seconds=0.002)
    metrics.tokenised(task=TaskName.MTOD, seconds=0.001)
    sums = {
        "batch_items": 9,
        "batch_tokens": 129,
        "tokenise_seconds": 0.003,
        "inference_seconds": 0.03,
    }
    for name, expected in sums.items():
        assert told(metrics, f"xmetra_predict_{name}_sum", task="mtod") == expected
        assert told(metrics, f"xmetra_predict_{name}_count", task="mtod") == 2


def test_every_task_has_its_series_before_the_first_prediction() -> None:
    metrics = Metrics()
    for task in TaskName:
        assert told(metrics, "xmetra_predict_batch_tokens_sum", task=task) == 0
        assert told(metrics, "xmetra_predict_queued_items", task=task) == 0


def test_what_waits_is_counted_as_long_as_it_does() -> None:
    metrics = Metrics()
    with (
        metrics.queued(task=TaskName.QA, items=5, tokens=900),
        metrics.queued(task=TaskName.QA, items=2, tokens=300),
    ):
        assert told(metrics, "xmetra_predict_queued_items", task="qa") == 7
        assert told(metrics, "xmetra_predict_queued_tokens", task="qa") == 1200
    assert told(metrics, "xmetra_predict_queued_items", task="qa") == 0


def test_waiting_and_refusals_are_told_by_task() -> None:
    metrics = Metrics()
    metrics.waited(task=TaskName.QA, seconds=0.25)
    metrics.refused(task=TaskName.QA, reason="queue_full")
    assert told(metrics, "xmetra_predict_wait_seconds_sum", task="qa") == 0.25
    assert told(metrics, "xmetra_predict_refused_total", task="qa", reason="queue_full") == 1


def test_the_models_in_memory_are_told() -> None:
    metrics = Metrics()
    metrics.cache_miss()
    metrics.loaded(models=3, size_in_bytes=42_000_000)
    metrics.evicted()
    assert told(metrics, "xmetra_model_cache_misses_total") == 1
    assert told(metrics, "xmetra_model_cache_evictions_total") == 1
    assert told(metrics, "xmetra_models_loaded") == 3
    assert told(metrics, "xmetra_models_loaded_bytes") == 42_000_000


def test_the_version_and_the_process_are_told() -> None:
    families = {family.name for family in text_string_to_metric_families(Metrics().exposition()[0].decode())}
    assert {"xmetra_build_info", "process_resident_memory_bytes", "python_info"} <= families


def test_a_scraper_gets_the_format_that_it_asks_for() -> None:
    metrics = Metrics()
    assert metrics.exposition()[1].startswith("text/plain; version=0.0.4")
    text, content_type = metrics.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")
    assert not generate_latest(metrics.registry).endswith(b"# EOF\n")
