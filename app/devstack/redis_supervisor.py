"""Supervision of the embedded Redis: restarts a server that died, on the same socket and files."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from app.devstack.errors import StackError
from core.errors import XmetraError

MAX_DEATHS: Final = 3
DEATH_WINDOW_SECONDS: Final = 60.0
"""A server that dies `MAX_DEATHS` times within this window has a cause that no restart removes, such as
too little memory."""

RESTART_ATTEMPTS: Final = 3
RETRY_SECONDS: Final = 1.0
"""Pause between two attempts: a full disk, or a forked rewrite of the append-only file that still holds
the folder's lock, may clear up meanwhile."""


class RestartableRedis(Protocol):
    """A Redis server that was started by this process."""

    @property
    def url(self) -> str:
        """The URL the server listens at; a restart does not change it."""

    @property
    def exit_code(self) -> int | None:
        """The exit code of a server that ended, negative for a signal; None while it runs."""

    @property
    def log_file(self) -> Path:
        """The file the server logs to."""

    def restart(self) -> None:
        """Start the server again with the same files, or raise `XmetraError`."""


class RedisSupervisor:
    """Restarts a Redis server that died, and gives up if that does not help.

    Args:
        redis: The server.
        notify: Receives a message for the user after each restart.
        clock: Returns seconds; replaced by tests.
        sleep: Waits between two attempts; replaced by tests.
    """

    def __init__(
        self,
        redis: RestartableRedis,
        *,
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = redis
        self._notify = notify
        self._clock = clock
        self._sleep = sleep
        self._deaths: list[float] = []

    def check(self) -> None:
        """Restart the server if it died; returns at once while it runs.

        Raises:
            StackError: The server died `MAX_DEATHS` times within `DEATH_WINDOW_SECONDS`, or
                `RESTART_ATTEMPTS` attempts to restart it failed.
        """
        code = self._redis.exit_code
        if code is None:
            return
        now = self._clock()
        self._deaths = [*(death for death in self._deaths if now - death < DEATH_WINDOW_SECONDS), now]
        if len(self._deaths) >= MAX_DEATHS:
            raise StackError(
                f"the embedded Redis ended {MAX_DEATHS} times within {DEATH_WINDOW_SECONDS:.0f} seconds, "
                f"most recently with exit code {code}; see {self._redis.log_file}"
            )
        self._restart(code)
        self._notify(f"the embedded Redis ended (exit code {code}) and was restarted with its data")

    def _restart(self, code: int) -> None:
        """Try to restart the server, several times."""
        for attempt in range(1, RESTART_ATTEMPTS + 1):
            try:
                self._redis.restart()
            except (XmetraError, OSError) as error:
                if attempt == RESTART_ATTEMPTS:
                    raise StackError(
                        f"the embedded Redis ended (exit code {code}) and could not be restarted in "
                        f"{RESTART_ATTEMPTS} attempts: {error}"
                    ) from error
                self._sleep(RETRY_SECONDS)
            else:
                return
