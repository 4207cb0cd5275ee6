"""What the api counts and measures, for Prometheus: `docs/reference/metrics.md` tells of each.

Every app has a registry of its own. What only Redis knows is told by `app.observability.redis_collector`.
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

REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds: a prediction takes some ten milliseconds, the check of a large upload some seconds."""

PASS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
"""Seconds of a part of a prediction."""

ITEM_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOKEN_BUCKETS: Final = (16, 64, 256, 1024, 4096, 16384, 65536)

BY_TASK: Final = ("task",)


class Metrics:
    """Everything that one process of the api measures.

    Args:
        queue: Asked at every scrape for what Redis knows; None tells nothing of it.
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
        self._make_requests()
        self._make_predictions()
        self._make_models()

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return all of it as a scraper reads it.

        Args:
            accept: What the scraper understands: the header of that name.

        Returns:
            The text, and its content type.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def in_flight(self) -> AbstractContextManager[object]:
        """Return what counts a request as long as it is open."""
        return self._in_flight.track_inprogress()

    def answered(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request.

        Args:
            route: Its template, such as ``/jobs/{job_id}``: one for all jobs.
            method: Of HTTP.
            status: Of the answer.
            seconds: Until the answer began; a stream of events may then go on for hours.
        """
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route, method, f"{status // 100}xx").observe(seconds)

    def tokenised(self, *, task: TaskName, seconds: float) -> None:
        """Take down what making tokens of a request's texts took."""
        self._tokenise_seconds.labels(task).observe(seconds)

    def passed(self, *, task: TaskName, items: int, tokens: int, seconds: float) -> None:
        """Take down one pass of a model over a batch.

        Args:
            task: Of the model.
            items: Utterances or questions in the batch.
            tokens: Tokens that were read for them.
            seconds: What the model took, and making answers of what it said.
        """
        self._batch_items.labels(task).observe(items)
        self._batch_tokens.labels(task).observe(tokens)
        self._inference_seconds.labels(task).observe(seconds)

    def waited(self, *, task: TaskName, seconds: float) -> None:
        """Take down what a request, or a part of one, waited for its pass."""
        self._wait_seconds.labels(task).observe(seconds)

    @contextmanager
    def queued(self, *, task: TaskName, items: int, tokens: int) -> Iterator[None]:
        """Count what waits for a pass, or is in one, as long as it does.

        Args:
            task: What is asked.
            items: Utterances or questions.
            tokens: Of all of them.
        """
        self._queued_items.labels(task).inc(items)
        self._queued_tokens.labels(task).inc(tokens)
        try:
            yield
        finally:
            self._queued_items.labels(task).dec(items)
            self._queued_tokens.labels(task).dec(tokens)

    def refused(self, *, task: TaskName, reason: str) -> None:
        """Count a request for predictions that was turned away.

        Args:
            task: What was asked.
            reason: One of a few fixed words, such as ``queue_full``: each makes a time series.
        """
        self._refused.labels(task, reason).inc()

    def cache_hit(self) -> None:
        """Count a model that was asked for and was there."""
        self._cache_hits.inc()

    def cache_miss(self) -> None:
        """Count a model that was asked for and had to be loaded."""
        self._cache_misses.inc()

    def evicted(self) -> None:
        """Count a model that was dropped to make room."""
        self._evictions.inc()

    def loaded(self, *, models: int, size_in_bytes: int) -> None:
        """Set how many models are in memory.

        Args:
            models: Checkpoints.
            size_in_bytes: Their weights; what several share is counted once.
        """
        self._models.set(models)
        self._model_bytes.set(size_in_bytes)

    def _make_requests(self) -> None:
        """Make what is known of every request."""
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

    def _make_predictions(self) -> None:
        """Make what is known of predictions, with a series of each task from the start."""
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

    def _make_models(self) -> None:
        """Make what is known of the models in memory."""
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
        """Make a histogram by task."""
        made = Histogram(name, text, BY_TASK, buckets=buckets, registry=self.registry)
        for task in TaskName:
            made.labels(task)
        return made

    def _gauge(self, name: str, text: str) -> Gauge:
        """Make a gauge by task."""
        made = Gauge(name, text, BY_TASK, registry=self.registry)
        for task in TaskName:
            made.labels(task)
        return made

    def _counter(self, name: str, text: str) -> Counter:
        """Make a counter without labels."""
        return Counter(name, text, registry=self.registry)
