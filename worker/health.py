"""``python -m worker.health``: whether a worker of this machine or container lives, by what it tells Redis.

A worker renews its entry while it waits and while it works; that of a dead one fades.
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
from worker.supervisor import RQ_PATIENCE_SECONDS


def trouble(connection: Redis, *, host: str, now: datetime, patience_seconds: int) -> str | None:
    """Return what is wrong, or None.

    Args:
        connection: The Redis of the worker.
        host: The name of the machine that it runs on.
        now: With its time zone.
        patience_seconds: The silence after which a worker counts as hanging.

    Raises:
        RedisError: Redis does not answer.
    """
    ours = [one for one in Worker.all(connection, serializer=JSONSerializer) if one.hostname == host]
    told = [one.last_heartbeat for one in ours if one.last_heartbeat is not None]
    if not told:
        return f"no worker of {host} is known to Redis"
    silent = (now - max(told).replace(tzinfo=UTC)).total_seconds()
    if silent > patience_seconds:
        return f"no worker of {host} told of itself for {silent:.0f} seconds"
    return None


def main() -> int:
    """Return the exit code: 0 if a worker lives here."""
    settings = WorkerSettings()
    # It tells of itself at least once in a wait for a job, which is shorter than this.
    patience = 2 * (settings.lost_after_seconds + RQ_PATIENCE_SECONDS)
    connection = connect(settings.redis_url)
    try:
        found = trouble(
            connection, host=socket.gethostname(), now=datetime.now(UTC), patience_seconds=patience
        )
    except RedisError as error:
        found = f"Redis does not answer: {error}"
    finally:
        connection.close()
    if found is not None:
        print(found, file=sys.stderr)  # noqa: T201  what `docker inspect` shows
    return 0 if found is None else 1


if __name__ == "__main__":
    sys.exit(main())
