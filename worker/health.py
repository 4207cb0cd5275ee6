"""``python -m worker.health``: health check of the worker on this machine or in this container.

A worker sends heartbeats to Redis while it waits and while it works; the entry of a dead worker expires.
"""

import socket
import sys
from datetime import UTC, datetime

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.serializers import JSONSerializer

from core.jobqueue.connection import connect
from worker.settings import WorkerSettings
from worker.supervisor import RQ_DEQUEUE_MARGIN_SECONDS


def unhealthy_reason(connection: Redis, *, host: str, now: datetime, timeout_seconds: int) -> str | None:
    """Return why no worker of a host is healthy, or None if one is.

    Args:
        connection: The worker's Redis.
        host: The host name of the worker's machine.
        now: The current time, with a time zone.
        timeout_seconds: The age of the last heartbeat after which a worker counts as hanging.

    Raises:
        RedisError: Redis does not answer.
    """
    workers = [
        worker for worker in Worker.all(connection, serializer=JSONSerializer) if worker.hostname == host
    ]
    heartbeats = [worker.last_heartbeat for worker in workers if worker.last_heartbeat is not None]
    if not heartbeats:
        return f"no worker of {host} is known to Redis"
    age = (now - max(heartbeats).replace(tzinfo=UTC)).total_seconds()
    if age > timeout_seconds:
        return f"no worker of {host} sent a heartbeat for {age:.0f} seconds"
    return None


def main() -> int:
    """Return the exit code: 0 if a worker of this host is healthy, else 1."""
    settings = WorkerSettings()
    # A worker sends a heartbeat at least once per wait for a job, which is shorter than this.
    timeout = 2 * (settings.lost_after_seconds + RQ_DEQUEUE_MARGIN_SECONDS)
    connection = connect(settings.redis_url)
    try:
        reason = unhealthy_reason(
            connection, host=socket.gethostname(), now=datetime.now(UTC), timeout_seconds=timeout
        )
    except RedisError as error:
        reason = f"Redis does not answer: {error}"
    finally:
        connection.close()
    if reason is not None:
        print(reason, file=sys.stderr)  # noqa: T201  `docker inspect` shows it
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
