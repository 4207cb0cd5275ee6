import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from core.contracts.jobs import JobEvent, JobStatus, Progress
from core.errors import Conflict, InvalidInput, QueueFull, QueueUnavailable
from core.jobqueue.embedded_redis import EmbeddedRedis
from core.jobqueue.queue import JobQueue
from core.jobqueue.stats import QueueStats


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(server: EmbeddedRedis) -> Iterator[Redis]:
    redis = Redis.from_url(server.url)
    redis.flushall()
    yield redis
    redis.close()


@pytest.fixture
def queue(server: EmbeddedRedis, redis: Redis) -> Iterator[JobQueue]:
    queue = JobQueue.connect(server.url, max_waiting=3)
    yield queue
    queue.close()


def dequeue_by_worker(redis: Redis) -> None:
    redis.lpop("rq:queue:xmetra")


def events(queue: JobQueue, job_id: str) -> list[JobEvent]:
    return [event for _, event in queue.events(job_id)]


class TestWaiting:
    def test_jobs_are_queued_in_order(self, queue: JobQueue) -> None:
        assert [queue.enqueue(job_id) for job_id in ("a", "b", "c")] == [1, 2, 3]
        assert [queue.position(job_id) for job_id in ("c", "b", "a")] == [3, 2, 1]
        assert queue.waiting() == 3

    def test_positions_decrease_when_a_job_starts(self, queue: JobQueue, redis: Redis) -> None:
        queue.enqueue("a")
        queue.enqueue("b")
        dequeue_by_worker(redis)
        assert queue.position("a") is None
        assert queue.position("b") == 1

    def test_full_queue_refuses_jobs(self, queue: JobQueue, redis: Redis) -> None:
        for job_id in ("a", "b", "c"):
            queue.enqueue(job_id)
        with pytest.raises(QueueFull, match="3 jobs are waiting; the limit is 3"):
            queue.enqueue("d")
        assert queue.waiting() == 3
        assert queue.events("d") == []
        dequeue_by_worker(redis)
        assert queue.enqueue("d") == 3

    def test_enqueue_keeps_the_position_of_a_waiting_job(self, queue: JobQueue) -> None:
        queue.enqueue("a")
        queue.enqueue("b")
        assert queue.enqueue("a") == 1
        assert queue.waiting() == 2

    def test_rq_job_has_the_job_id_and_timeout(self, server: EmbeddedRedis, redis: Redis) -> None:
        queue = JobQueue(redis, job_timeout_seconds=77)
        queue.enqueue("a")
        assert redis.hget("rq:job:a", "timeout") == b"77"

    def test_queues_with_different_names_are_separate(self, queue: JobQueue, redis: Redis) -> None:
        JobQueue(redis, name="other").enqueue("a")
        assert queue.waiting() == 0

    def test_stats_counts_jobs_and_workers(self, queue: JobQueue, redis: Redis) -> None:
        for job_id in ("a", "b", "c"):
            queue.enqueue(job_id)
        dequeue_by_worker(redis)
        redis.zadd("rq:wip:xmetra", {"a:execution": time.time() + 60})
        redis.sadd("rq:workers:xmetra", "rq:worker:one", "rq:worker:two")
        assert queue.stats() == QueueStats(waiting=2, running=1, workers=2)

    def test_stats_does_not_clean_up_expired_jobs(self, queue: JobQueue, redis: Redis) -> None:
        queue.enqueue("a")
        redis.zadd("rq:wip:xmetra", {"a:execution": 1})
        queue.stats()
        assert redis.zcard("rq:wip:xmetra") == 1
        assert redis.zcard("rq:failed:xmetra") == 0

    def test_rq_job_has_the_request_id(self, queue: JobQueue, redis: Redis) -> None:
        queue.enqueue("a", request_id="trace-1")
        assert redis.hget("rq:job:a", "meta") == b'{"request_id": "trace-1"}'

    def test_requeued_job_is_next_in_a_full_queue(self, queue: JobQueue, redis: Redis) -> None:
        for job_id in ("a", "b", "c"):
            queue.enqueue(job_id)
        assert queue.enqueue("lost", requeue=True) == 1
        assert queue.position("lost") == 1
        assert queue.position("a") == 2


class TestCancelling:
    def test_cancel_removes_a_waiting_job(self, queue: JobQueue) -> None:
        queue.enqueue("a")
        queue.enqueue("b")
        assert queue.cancel("a")
        assert queue.position("a") is None
        assert queue.position("b") == 1
        assert events(queue, "a")[-1].data == {"status": "cancelled"}

    def test_cancel_requests_a_running_job_to_stop(self, queue: JobQueue, redis: Redis) -> None:
        queue.enqueue("a")
        dequeue_by_worker(redis)
        assert not queue.is_cancelled("a")
        assert not queue.cancel("a")
        assert queue.is_cancelled("a")
        assert events(queue, "a")[-1].data == {"status": "cancelling"}

    def test_cancel_does_not_affect_other_jobs(self, queue: JobQueue) -> None:
        queue.cancel("a")
        assert not queue.is_cancelled("b")


class TestProgress:
    def test_progress_is_none_before_the_first_report(self, queue: JobQueue) -> None:
        assert queue.progress("a") is None

    def test_progress_is_the_latest_report(self, queue: JobQueue) -> None:
        queue.report("a", Progress(percent=10, stage="meta-train"))
        latest = Progress(
            percent=20, stage="meta-train", step=2, total_steps=10, eta_seconds=8, metrics={"loss": 0.5}
        )
        queue.report("a", latest)
        assert queue.progress("a") == latest

    def test_keys_of_a_job_expire(self, queue: JobQueue, redis: Redis) -> None:
        queue.report("a", Progress())
        queue.cancel("a")
        assert all(0 < redis.ttl(key) <= 7 * 24 * 3600 for key in redis.keys("xmetra:*"))
        assert len(redis.keys("xmetra:*")) == 3


class TestEvents:
    def test_reports_are_events_in_order(self, queue: JobQueue) -> None:
        queue.enqueue("a")
        queue.report_status("a", JobStatus.RUNNING)
        queue.report("a", Progress(percent=50, stage="meta-train"))
        queue.report_status("a", JobStatus.SUCCEEDED)
        job_events = events(queue, "a")
        assert [event.event for event in job_events] == ["status", "status", "progress", "status"]
        assert job_events[2].data["percent"] == 50
        assert [event.at for event in job_events] == sorted(event.at for event in job_events)

    def test_events_continue_after_an_id(self, queue: JobQueue) -> None:
        for percent in (10, 20, 30):
            queue.report("a", Progress(percent=percent))
        (_, (second, _), _) = queue.events("a")
        assert [event.data["percent"] for _, event in queue.events("a", after=second)] == [30]

    def test_events_are_empty_after_the_last_id(self, queue: JobQueue) -> None:
        queue.report("a", Progress())
        ((last, _),) = queue.events("a")
        assert queue.events("a", after=last) == []

    def test_events_can_block_for_the_next_event(self, queue: JobQueue) -> None:
        began = time.monotonic()
        assert queue.events("a", block_milliseconds=200) == []
        assert 0.15 < time.monotonic() - began < 1.5

    def test_events_block_for_a_limited_time(self, queue: JobQueue) -> None:
        began = time.monotonic()
        assert queue.events("a", block_milliseconds=3_600_000) == []
        assert time.monotonic() - began < 3

    def test_event_stream_length_is_limited(self, queue: JobQueue) -> None:
        for _ in range(1_300):
            queue.report_status("a", JobStatus.RUNNING)
        assert 1_000 <= len(queue.events("a")) < 1_300

    @pytest.mark.parametrize(
        "after", ["", "last", "1-2-3", "-1", "99999999999999999999", "1-\u0661", "0 or 1"]
    )
    def test_events_refuse_an_invalid_id(self, queue: JobQueue, after: str) -> None:
        with pytest.raises(InvalidInput) as raised:
            queue.events("a", after=after)
        assert raised.value.faults[0].pointer == "Last-Event-ID"


class TestIdempotency:
    def test_idempotency_store_returns_the_saved_response(self, queue: JobQueue) -> None:
        assert queue.idempotency.load("key", "print") is None
        assert queue.idempotency.save("key", "print", {"job_id": "a", "queue_position": 1})
        assert queue.idempotency.load("key", "print") == {"job_id": "a", "queue_position": 1}

    def test_idempotency_store_keeps_the_first_response(self, queue: JobQueue) -> None:
        queue.idempotency.save("key", "print", {"job_id": "a"})
        assert not queue.idempotency.save("key", "print", {"job_id": "b"})
        assert queue.idempotency.load("key", "print") == {"job_id": "a"}

    def test_idempotency_key_of_another_request_is_a_conflict(self, queue: JobQueue) -> None:
        queue.idempotency.save("key", "print", {"job_id": "a"})
        with pytest.raises(Conflict, match="Idempotency-Key"):
            queue.idempotency.load("key", "another print")

    def test_idempotency_store_deletes_a_response(self, queue: JobQueue) -> None:
        queue.idempotency.save("key", "print", {"job_id": "a"})
        queue.idempotency.delete("key")
        assert queue.idempotency.load("key", "print") is None

    def test_idempotency_store_hashes_keys_and_expires_after_a_day(
        self, queue: JobQueue, redis: Redis
    ) -> None:
        queue.idempotency.save("k" * 100_000, "print", {})
        (key,) = redis.keys("xmetra:answer:*")
        assert len(key) < 100
        assert 0 < redis.ttl(key) <= 24 * 3600


CALLS: list[Callable[[JobQueue], object]] = [
    lambda queue: queue.ping(),
    lambda queue: queue.enqueue("a"),
    lambda queue: queue.waiting(),
    lambda queue: queue.stats(),
    lambda queue: queue.counters.values(),
    lambda queue: queue.position("a"),
    lambda queue: queue.cancel("a"),
    lambda queue: queue.is_cancelled("a"),
    lambda queue: queue.report("a", Progress()),
    lambda queue: queue.report_status("a", JobStatus.RUNNING),
    lambda queue: queue.progress("a"),
    lambda queue: queue.events("a"),
    lambda queue: queue.idempotency.save("key", "print", {}),
    lambda queue: queue.idempotency.load("key", "print"),
    lambda queue: queue.idempotency.delete("key"),
]


class TestUnavailable:
    @pytest.mark.parametrize("call", CALLS)
    def test_missing_redis_raises_queue_unavailable_immediately(
        self, tmp_path: Path, call: Callable[[JobQueue], object]
    ) -> None:
        queue = JobQueue.connect(f"unix://{tmp_path}/none.sock")
        began = time.monotonic()
        with pytest.raises(QueueUnavailable, match="Redis does not answer"):
            call(queue)
        assert time.monotonic() - began < 1

    def test_unresponsive_redis_raises_queue_unavailable_after_the_timeout(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            queue = JobQueue.connect(f"redis://127.0.0.1:{mute.getsockname()[1]}")
            began = time.monotonic()
            with pytest.raises(QueueUnavailable):
                queue.ping()
            assert time.monotonic() - began < 5
            queue.close()

    def test_redis_without_memory_raises_queue_unavailable(self, queue: JobQueue, redis: Redis) -> None:
        redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(QueueUnavailable, match="maxmemory"):
                queue.enqueue("a")
        finally:
            redis.config_set("maxmemory", "0")

    def test_queue_reconnects_after_a_restart_of_redis(self, tmp_path: Path) -> None:
        with EmbeddedRedis(tmp_path) as server:
            queue = JobQueue.connect(server.url)
            queue.enqueue("a")
            server.stop()
            assert not queue.is_available()
            server.start()
            assert queue.position("a") == 1
            queue.close()

    def test_connect_raises_value_error_for_an_invalid_url(self) -> None:
        with pytest.raises(ValueError, match="redis://"):
            JobQueue.connect("localhost:6379")
