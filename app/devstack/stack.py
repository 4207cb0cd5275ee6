"""The whole service on one machine: an embedded Redis, one worker, and the API on loopback.

The api and the worker are started as anyone would start them, as processes told through their
environment, so this module needs neither torch nor the worker's code. Whatever ends it (leaving the
``with``, Ctrl-C, SIGTERM, a part that fails, or its own sudden death), nothing it started lives on:
see `app.devstack.watchdog` for the last of these.
"""

import contextlib
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Protocol, Self

import httpx

from app.devstack import watchdog
from app.devstack.data_folder import claim
from app.devstack.subprocesses import program, program_environment
from core.jobqueue.embedded_redis import EmbeddedRedis

READY_SECONDS: Final = 120.0
"""A cold disk may take a minute to read torch and a model."""

REQUEST_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.1
LOG_LINES_SHOWN: Final = 8
ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


class StackError(Exception):
    """The stack cannot start, or one of its parts ended; the message is for people."""


class RunningRedis(Protocol):
    """A Redis that was started here."""

    @property
    def url(self) -> str:
        """Where it listens."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a stack is made of; tests put quick ones in their place.

    Attributes:
        redis: Starts a Redis that keeps its files in a folder.
        worker: The worker's command.
        api: The API's command; ``{socket}`` in it becomes the number of the listening socket.
    """

    redis: Callable[[Path], AbstractContextManager[RunningRedis]] = EmbeddedRedis
    worker: Sequence[str] = tuple(program("worker.main"))
    api: Sequence[str] = tuple(program("app.cli", "serve", "--socket", "{socket}"))


@dataclass(slots=True)
class Stack:
    """Redis, worker and API, from ``with`` to the end of it.

    Attributes:
        data: The folder that holds the store, Redis's file and the logs; made if need be.
        port: The port wanted; where it is taken, a free one is used. 0 means any.
        environment: More variables for the api and the worker.
        parts: What to start.
    """

    data: Path
    port: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    parts: Parts = field(default_factory=Parts)
    host: str = "127.0.0.1"
    _mark: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
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
        """Where the API listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def store(self) -> Path:
        """Where datasets, checkpoints and job records are kept."""
        return self.data / "store"

    @property
    def logs(self) -> Path:
        """Where the output of each part goes."""
        return self.data / "logs"

    def _start(self) -> None:
        """Start every part; the order of cleaning up is the reverse of this."""
        self._signals.enter_context(ending_signals_raised())
        lock = self._cleanup.enter_context(claim(self.data))
        self.logs.mkdir(exist_ok=True)
        self._cleanup.callback(self._start_watchdog(lock))
        redis = self._cleanup.enter_context(self.parts.redis(self.data / "redis"))
        self._cleanup.callback(self._end_processes)
        urls = {"XMETRA_REDIS_URL": redis.url, "XMETRA_STORE_URL": str(self.store.absolute())}
        self._spawn("worker", self.parts.worker, urls)
        with listening_socket(self.host, self.port) as listener:
            self.port = listener.getsockname()[1]
            command = [part.replace("{socket}", str(listener.fileno())) for part in self.parts.api]
            self._spawn("api", command, urls, listener.fileno())

    def _spawn(self, name: str, command: Sequence[str], urls: Mapping[str, str], *sockets: int) -> None:
        """Start one part in a session of its own, so that Ctrl-C reaches this process alone."""
        environment = {
            "XMETRA_LOG_FORMAT": "console",  # for the person who started all this, unless they chose
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
        """Start the process that outlives this one; it keeps the folder's lock until all are gone."""
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
        """End the api, the worker, and whatever they started."""
        watchdog.end_all(self._mark, started=self._processes.values())
        for process in self._processes.values():
            process.wait()

    def stop(self) -> None:
        """Stop everything that was started; a second Ctrl-C does not hurry it into leaving a part behind."""
        with signals_ignored():
            self._cleanup.close()
        self._signals.close()

    def wait_until_ready(
        self, *, seconds: float = READY_SECONDS, request_seconds: float = REQUEST_SECONDS
    ) -> None:
        """Return when the API answers that Redis, the store and the model are there.

        Args:
            seconds: How long to wait at most.
            request_seconds: How long one question may take.

        Raises:
            StackError: A part ended, or the time is over.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            if self._is_ready(request_seconds):
                return
            time.sleep(POLL_SECONDS)
        raise StackError(f"the API was not ready after {seconds:.0f} seconds; see {self._log('api')}")

    def _is_ready(self, seconds: float) -> bool:
        """Ask once."""
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=seconds, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def check(self) -> None:
        """Raise `StackError`, with the last lines of its log, if a part has ended."""
        for name, process in self._processes.items():
            if (code := process.poll()) is not None:
                raise StackError(
                    f"the {name} ended (exit code {code}); the end of {self._log(name)}:\n{self._tail(name)}"
                )

    def wait(self) -> None:
        """Sleep until a part ends, and tell which.

        Raises:
            StackError: It ended.
        """
        while True:
            self.check()
            time.sleep(POLL_SECONDS)

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _tail(self, name: str) -> str:
        """Return the last lines a part wrote."""
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:]) or "  (nothing)"


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port, or on a free one where it is taken.

    The API inherits it, so that nobody can take the port between the choice and the start.
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


@contextlib.contextmanager
def ending_signals_raised() -> Iterator[None]:
    """Make SIGTERM and a closed terminal unwind like Ctrl-C does, so that everything is cleaned up."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    with _handlers(dict.fromkeys(ENDING_SIGNALS, leave)):
        yield


@contextlib.contextmanager
def signals_ignored() -> Iterator[None]:
    """Hold off every signal that would end this process while it cleans up."""
    with _handlers(dict.fromkeys((*ENDING_SIGNALS, signal.SIGINT), signal.SIG_IGN)):
        yield


Handler = Callable[[int, FrameType | None], None] | signal.Handlers


@contextlib.contextmanager
def _handlers(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Set signal handlers, and the old ones again at the end; only a main thread may do so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
