from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.observability.metrics import Metrics
from core.contracts.values import MTOD, QA
from core.plugins import task_names


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_metrics_of_two_apps_are_independent() -> None:
    first, second = Metrics(), Metrics()
    first.record_cache_hit()
    assert sample(first, "xmetra_model_cache_hits_total") == 1
    assert sample(second, "xmetra_model_cache_hits_total") == 0


def test_record_request_counts_by_status_and_times_by_status_class() -> None:
    metrics = Metrics()
    metrics.record_request(route="/jobs/{job_id}", method="GET", status=404, seconds=0.03)
    labels = {"route": "/jobs/{job_id}", "method": "GET"}
    assert sample(metrics, "xmetra_http_requests_total", **labels, status="404") == 1
    name = "xmetra_http_request_duration_seconds"
    assert sample(metrics, f"{name}_sum", **labels, status="4xx") == 0.03
    assert sample(metrics, f"{name}_bucket", **labels, status="4xx", le="0.025") == 0
    assert sample(metrics, f"{name}_bucket", **labels, status="4xx", le="0.05") == 1


def test_track_in_flight_counts_open_requests() -> None:
    metrics = Metrics()
    with metrics.track_in_flight():
        assert sample(metrics, "xmetra_http_requests_in_flight") == 1
    assert sample(metrics, "xmetra_http_requests_in_flight") == 0


def test_forward_pass_is_recorded_by_size_and_time() -> None:
    metrics = Metrics()
    metrics.record_forward_pass(task=MTOD, items=8, tokens=120, seconds=0.02)
    metrics.record_forward_pass(task=MTOD, items=1, tokens=9, seconds=0.01)
    metrics.record_tokenisation(task=MTOD, seconds=0.002)
    metrics.record_tokenisation(task=MTOD, seconds=0.001)
    sums = {
        "batch_items": 9,
        "batch_tokens": 129,
        "tokenise_seconds": 0.003,
        "inference_seconds": 0.03,
    }
    for name, expected in sums.items():
        assert sample(metrics, f"xmetra_predict_{name}_sum", task="mtod") == expected
        assert sample(metrics, f"xmetra_predict_{name}_count", task="mtod") == 2


def test_series_of_every_task_exist_before_the_first_prediction() -> None:
    metrics = Metrics()
    for task in task_names():
        assert sample(metrics, "xmetra_predict_batch_tokens_sum", task=task) == 0
        assert sample(metrics, "xmetra_predict_queued_items", task=task) == 0


def test_track_queued_counts_waiting_items_and_tokens() -> None:
    metrics = Metrics()
    with (
        metrics.track_queued(task=QA, items=5, tokens=900),
        metrics.track_queued(task=QA, items=2, tokens=300),
    ):
        assert sample(metrics, "xmetra_predict_queued_items", task="qa") == 7
        assert sample(metrics, "xmetra_predict_queued_tokens", task="qa") == 1200
    assert sample(metrics, "xmetra_predict_queued_items", task="qa") == 0


def test_waits_and_refusals_are_recorded_by_task() -> None:
    metrics = Metrics()
    metrics.record_wait(task=QA, seconds=0.25)
    metrics.record_refusal(task=QA, reason="queue_full")
    assert sample(metrics, "xmetra_predict_wait_seconds_sum", task="qa") == 0.25
    assert sample(metrics, "xmetra_predict_refused_total", task="qa", reason="queue_full") == 1


def test_model_cache_metrics_are_recorded() -> None:
    metrics = Metrics()
    metrics.record_cache_miss()
    metrics.set_loaded_models(models=3, size_in_bytes=42_000_000)
    metrics.record_eviction()
    assert sample(metrics, "xmetra_model_cache_misses_total") == 1
    assert sample(metrics, "xmetra_model_cache_evictions_total") == 1
    assert sample(metrics, "xmetra_models_loaded") == 3
    assert sample(metrics, "xmetra_models_loaded_bytes") == 42_000_000


def test_exposition_contains_build_and_process_metrics() -> None:
    families = {family.name for family in text_string_to_metric_families(Metrics().exposition()[0].decode())}
    assert {"xmetra_build_info", "process_resident_memory_bytes", "python_info"} <= families


def test_exposition_negotiates_the_format() -> None:
    metrics = Metrics()
    assert metrics.exposition()[1].startswith("text/plain; version=0.0.4")
    text, content_type = metrics.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")
    assert not generate_latest(metrics.registry).endswith(b"# EOF\n")
