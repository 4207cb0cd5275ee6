"""The whole service on one machine: an embedded Redis, one worker, and the API on loopback.

The API and the worker run as separate processes that are configured through their environment, so this
module imports neither torch nor the worker. Whatever ends the stack (leaving the ``with`` block, Ctrl-C,
SIGTERM, a failed process, or SIGKILL of this process), no process that it started survives; see
`app.devstack.watchdog` for the last case. A Redis that dies is restarted (`app.devstack.redis_supervisor`).
"""

import contextlib
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from app.devstack import watchdog
from app.devstack.data_folder import claim
from app.devstack.errors import StackError
from app.devstack.redis_supervisor import RedisSupervisor, RestartableRedis
from app.devstack.subprocesses import program, program_environment
from app.devstack.termination import signals_ignored, termination_signals_raised
from core.jobqueue.embedded_redis import EmbeddedRedis

READY_SECONDS: Final = 120.0
"""A cold disk may take a minute to read torch and a model."""

REQUEST_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.1
LOG_TAIL_LINES: Final = 8


def _write_to_stderr(message: str) -> None:
    sys.stderr.write(f"{message}\n")


@dataclass(frozen=True, slots=True)
class Parts:
    """The programs of a stack; tests substitute fast ones.

    Attributes:
        redis: Starts a Redis whose files are in the given folder.
        worker: The worker's command.
        api: The API's command; ``{socket}`` in it is replaced by the descriptor of the listening socket.
    """

    redis: Callable[[Path], AbstractContextManager[RestartableRedis]] = EmbeddedRedis
    worker: Sequence[str] = tuple(program("worker.main"))
    api: Sequence[str] = tuple(program("app.cli", "serve", "--socket", "{socket}"))


@dataclass(slots=True)
class Stack:
    """Redis, a worker and the API, running for the duration of a ``with`` block.

    Attributes:
        data: The folder of the store, Redis's files and the logs; created if missing.
        port: The preferred port; a free one is used if it is taken. 0 means any free port.
        environment: Additional environment variables of the API and the worker.
        parts: The programs to start.
        notify: Receives messages for the user; they go to stderr by default.
    """

    data: Path
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    parts: Parts = field(default_factory=Parts)
    host: str = "127.0.0.1"
    notify: Callable[[str], None] = _write_to_stderr
    _mark: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    _redis: RedisSupervisor = field(init=False)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)
    _cleanup: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)
    _signals: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the API."""
        return f"http://{self.host}:{self.port}"

    @property
    def store(self) -> Path:
        """The folder of datasets, checkpoints and job records."""
        return self.data / "store"

    @property
    def logs(self) -> Path:
        """The folder of the processes' output."""
        return self.data / "logs"

    def _start(self) -> None:
        """Start all processes; they are stopped in reverse order."""
        self._signals.enter_context(termination_signals_raised())
        lock = self._cleanup.enter_context(claim(self.data))
        self.logs.mkdir(exist_ok=True)
        self._cleanup.callback(self._start_watchdog(lock))
        redis = self._cleanup.enter_context(self.parts.redis(self.data / "redis"))
        self._redis = RedisSupervisor(redis, notify=self.notify)
        self._cleanup.callback(self._end_processes)
        urls = {"XMETRA_REDIS_URL": redis.url, "XMETRA_STORE_URL": str(self.store.absolute())}
        self._spawn("worker", self.parts.worker, urls)
        with listening_socket(self.host, self.port) as listener:
            self.port = listener.getsockname()[1]
            command = [part.replace("{socket}", str(listener.fileno())) for part in self.parts.api]
            self._spawn("api", command, urls, listener.fileno())

    def _spawn(self, name: str, command: Sequence[str], urls: Mapping[str, str], *sockets: int) -> None:
        """Start a process in its own session, so that Ctrl-C reaches only this process."""
        environment = {
            "XMETRA_LOG_FORMAT": "console",  # a default; the user's own environment overrides it
            **program_environment(),
            **self.environment,
            **urls,
            watchdog.MARK: self._mark,
        }
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(  # noqa: S603  the command is ours
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=sockets,
                start_new_session=True,
            )

    def _start_watchdog(self, lock: int) -> Callable[[], None]:
        """Start the watchdog, which holds the folder's lock until every process has ended.

        Returns:
            A function that reports an orderly end to the watchdog and waits for it to exit.
        """
        process = subprocess.Popen(  # noqa: S603  the command is ours
            program("app.devstack.watchdog", self._mark),
            env=program_environment(),
            stdin=subprocess.PIPE,
            pass_fds=[lock],
            start_new_session=True,
        )

        def release() -> None:
            process.communicate(watchdog.ORDERLY)

        return release

    def _end_processes(self) -> None:
        """End the API, the worker, and all their children."""
        watchdog.end_all(self._mark, started=self._processes.values())
        for process in self._processes.values():
            process.wait()

    def stop(self) -> None:
        """Stop every process; signals are ignored meanwhile, so that a second Ctrl-C leaves none running."""
        with signals_ignored():
            self._cleanup.close()
        self._signals.close()

    def wait_until_ready(
        self, *, seconds: float = READY_SECONDS, request_seconds: float = REQUEST_SECONDS
    ) -> None:
        """Return once the API reports that it is ready.

        Args:
            seconds: The timeout.
            request_seconds: The timeout of each request.

        Raises:
            StackError: A process ended, or the API was not ready in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            if self._is_ready(request_seconds):
                return
            time.sleep(POLL_SECONDS)
        raise StackError(f"the API was not ready after {seconds:.0f} seconds; see {self._log('api')}")

    def _is_ready(self, seconds: float) -> bool:
        """Whether ``/health/ready`` answers with success."""
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=seconds, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def check(self) -> None:
        """Check every process once, and restart Redis if it died.

        Raises:
            StackError: The API or the worker ended (the message quotes the end of its log), or Redis
                cannot be restarted.
        """
        for name, process in self._processes.items():
            if (code := process.poll()) is not None:
                raise StackError(
                    f"the {name} ended (exit code {code}); the end of {self._log(name)}:\n{self._tail(name)}"
                )
        self._redis.check()

    def wait(self) -> None:
        """Supervise the processes until one ends for good.

        Raises:
            StackError: A process ended; see `check`.
        """
        while True:
            self.check()
            time.sleep(POLL_SECONDS)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        """Return the last lines of a process's log, indented."""
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_TAIL_LINES:]) or "  (nothing)"


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port, or on a free port if it is taken.

    The API inherits the socket, so that no other process can take the port before the API starts.

    Raises:
        StackError: No port of the host can be bound.
    """
    for candidate in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    raise StackError(f"no port of {host} can be listened on")
