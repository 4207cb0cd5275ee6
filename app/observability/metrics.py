"""Prometheus metrics of one API process; `docs/reference/metrics.md` documents each.

Every app has its own registry. `app.observability.redis_collector` adds the metrics stored in Redis.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

from app.observability.redis_collector import RedisCollector
from app.version import installed_version
from core.contracts.values import TaskName
from core.jobqueue.queue import JobQueue
from core.plugins import task_names

REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds: a prediction takes about ten milliseconds, the validation of a large upload some seconds."""

PASS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds of one step of a prediction."""

ITEM_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOKEN_BUCKETS: Final = (16, 64, 256, 1024, 4096, 16384, 65536)

BY_TASK: Final = ("task",)


class Metrics:
    """The metrics of one API process.

    Args:
        queue: Queried at every scrape for the metrics stored in Redis; None leaves them out.
    """

    def __init__(self, queue: JobQueue | None = None) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        if queue is not None:
            self.registry.register(RedisCollector(queue))
        Info("xmetra_build", "Which version runs.", registry=self.registry).info(
            {"version": installed_version()}
        )
        self._create_request_metrics()
        self._create_prediction_metrics()
        self._create_model_metrics()

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return all metrics in an exposition format.

        Args:
            accept: The scraper's ``Accept`` header.

        Returns:
            The exposition, and its content type.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def track_in_flight(self) -> AbstractContextManager[object]:
        """Return a context manager that counts a request while it is open."""
        return self._in_flight.track_inprogress()

    def record_request(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request and its latency.

        Args:
            route: The path template, such as ``/jobs/{job_id}``.
            method: The HTTP method.
            status: The HTTP status of the response.
            seconds: Time until the response started; an event stream may then go on for hours.
        """
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route, method, f"{status // 100}xx").observe(seconds)

    def record_tokenisation(self, *, task: TaskName, seconds: float) -> None:
        """Record the time to tokenise the texts of a request."""
        self._tokenise_seconds.labels(task).observe(seconds)

    def record_forward_pass(self, *, task: TaskName, items: int, tokens: int, seconds: float) -> None:
        """Record one forward pass over a batch.

        Args:
            task: The model's task.
            items: Utterances or questions in the batch.
            tokens: Input tokens of the batch.
            seconds: Duration of the forward pass and of decoding its output.
        """
        self._batch_items.labels(task).observe(items)
        self._batch_tokens.labels(task).observe(tokens)
        self._inference_seconds.labels(task).observe(seconds)

    def record_wait(self, *, task: TaskName, seconds: float) -> None:
        """Record how long a request, or a part of one, waited for its forward pass."""
        self._wait_seconds.labels(task).observe(seconds)

    @contextmanager
    def track_queued(self, *, task: TaskName, items: int, tokens: int) -> Iterator[None]:
        """Count items that wait for a forward pass, or are in one, for the duration of a block.

        Args:
            task: The task of the request.
            items: Utterances or questions.
            tokens: Their input tokens.
        """
        self._queued_items.labels(task).inc(items)
        self._queued_tokens.labels(task).inc(tokens)
        try:
            yield
        finally:
            self._queued_items.labels(task).dec(items)
            self._queued_tokens.labels(task).dec(tokens)

    def record_refusal(self, *, task: TaskName, reason: str) -> None:
        """Count a prediction request that was refused.

        Args:
            task: The task of the request.
            reason: One of a few fixed words, such as ``queue_full``, because each is a time series.
        """
        self._refused.labels(task, reason).inc()

    def record_cache_hit(self) -> None:
        """Count a model request served from the cache."""
        self._cache_hits.inc()

    def record_cache_miss(self) -> None:
        """Count a model request for which the model was loaded."""
        self._cache_misses.inc()

    def record_eviction(self) -> None:
        """Count a model that was evicted from the cache."""
        self._evictions.inc()

    def set_loaded_models(self, *, models: int, size_in_bytes: int) -> None:
        """Set the content of the model cache.

        Args:
            models: Number of loaded checkpoints.
            size_in_bytes: Size of their weights; shared weights are counted once.
        """
        self._models.set(models)
        self._model_bytes.set(size_in_bytes)

    def _create_request_metrics(self) -> None:
        """Create the metrics of HTTP requests."""
        self._requests = Counter(
            "xmetra_http_requests",
            "Requests that were answered.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "xmetra_http_request_duration_seconds",
            "Seconds until an answer began; status is its class, such as 2xx.",
            ("route", "method", "status"),
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._in_flight = Gauge(
            "xmetra_http_requests_in_flight",
            "Requests that are open now, streams of events among them.",
            registry=self.registry,
        )

    def _create_prediction_metrics(self) -> None:
        """Create the metrics of predictions, with the series of every task."""
        self._batch_items = self._histogram(
            "xmetra_predict_batch_items", "Utterances or questions in a pass of a model.", ITEM_BUCKETS
        )
        self._batch_tokens = self._histogram(
            "xmetra_predict_batch_tokens", "Tokens in a pass of a model.", TOKEN_BUCKETS
        )
        self._tokenise_seconds = self._histogram(
            "xmetra_predict_tokenise_seconds", "Seconds in which a batch became tokens.", PASS_BUCKETS
        )
        self._inference_seconds = self._histogram(
            "xmetra_predict_inference_seconds", "Seconds in which a model answered a batch.", PASS_BUCKETS
        )
        self._wait_seconds = self._histogram(
            "xmetra_predict_wait_seconds", "Seconds that a request waited for its pass.", PASS_BUCKETS
        )
        self._queued_items = self._gauge(
            "xmetra_predict_queued_items", "Utterances or questions that wait for a pass now."
        )
        self._queued_tokens = self._gauge("xmetra_predict_queued_tokens", "Tokens that wait for a pass now.")
        self._refused = Counter(
            "xmetra_predict_refused",
            "Requests for predictions that were turned away.",
            ("task", "reason"),
            registry=self.registry,
        )

    def _create_model_metrics(self) -> None:
        """Create the metrics of the model cache."""
        self._cache_hits = self._counter("xmetra_model_cache_hits", "Models asked for that were in memory.")
        self._cache_misses = self._counter(
            "xmetra_model_cache_misses", "Models asked for that had to be loaded."
        )
        self._evictions = self._counter(
            "xmetra_model_cache_evictions", "Models that were dropped to make room."
        )
        self._models = Gauge("xmetra_models_loaded", "Models in memory now.", registry=self.registry)
        self._model_bytes = Gauge(
            "xmetra_models_loaded_bytes", "Bytes of the weights in memory now.", registry=self.registry
        )

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        """Create a histogram by task."""
        histogram = Histogram(name, text, BY_TASK, buckets=buckets, registry=self.registry)
        for task in task_names():
            histogram.labels(task)
        return histogram

    def _gauge(self, name: str, text: str) -> Gauge:
        """Create a gauge by task."""
        gauge = Gauge(name, text, BY_TASK, registry=self.registry)
        for task in task_names():
            gauge.labels(task)
        return gauge

    def _counter(self, name: str, text: str) -> Counter:
        """Create a counter without labels."""
        return Counter(name, text, registry=self.registry)
