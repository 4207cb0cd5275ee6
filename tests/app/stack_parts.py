"""Fast substitutes for the programs of a stack: an API that is ready at once, a worker that forks."""

import os
import sys
import time
from pathlib import Path

import psutil

from app.devstack.stack import Parts

READY_API = """
import http.server, socket, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health/ready" else 404)
        self.end_headers()
    def log_message(self, *arguments):
        pass

server = http.server.HTTPServer(("", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.serve_forever()
"""

FORKING_WORKER = """
import os, time

if os.fork() == 0:
    os.setpgrp()
time.sleep(600)
"""

BROKEN = "raise SystemExit('the model could not be read')"

TRACE = "XMETRA_TEST_TRACE"
"""An environment variable that identifies every process that a test started."""


def quick_parts(*, worker: str = FORKING_WORKER, api: str = READY_API) -> Parts:
    """Return programs that start at once, and the real Redis."""
    return Parts(
        worker=(sys.executable, "-S", "-c", worker), api=(sys.executable, "-S", "-c", api, "{socket}")
    )


def survivors(folder: Path, *, trace: str | None = None) -> list[str]:
    """Return the command lines of the running processes that name a folder or carry a trace."""
    commands = []
    for process in psutil.process_iter():
        try:
            command, environment = " ".join(process.cmdline()), process.environ()
        except (psutil.Error, OSError):
            continue
        traced = trace is not None and environment.get(TRACE) == trace
        if process.pid != os.getpid() and (traced or str(folder) in command):
            commands.append(command)
    return commands


def wait_for_no_survivors(folder: Path, *, trace: str | None = None, seconds: float = 15) -> list[str]:
    """Wait until no such process is running; return those that still run at the timeout."""
    deadline = time.monotonic() + seconds
    while (running := survivors(folder, trace=trace)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return running
