"""Configuration of logging; each test uses a new process, because it applies to a whole process."""

import json
import subprocess
import sys

from tests.repository import ROOT

PROGRAM = """
import logging, structlog
from core.system.logging import LogFormat, configure_logging
configure_logging(level="INFO", style=LogFormat("{style}"), quiet=["rq.worker"])
log = structlog.get_logger("test")
structlog.contextvars.bind_contextvars(request_id="trace-1")
log.debug("too_quiet")
log.info("job_started", job_id="a", language="th")
logging.getLogger("library").warning("it is %s", "late")
logging.getLogger("rq.worker").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("job_failed")
"""


def logged(style: str) -> str:
    program = PROGRAM.format(style=style)
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return ran.stderr


def test_console_format_is_readable() -> None:
    lines = logged("console").splitlines()
    assert "job_started" in lines[0]
    assert "job_id=a" in lines[0]
    assert "it is late" in lines[1]
    assert "ZeroDivisionError: division by zero" in lines[-1]
    assert "\x1b" not in "".join(lines)  # no colours without a terminal


def test_json_format_is_one_object_per_line() -> None:
    first, second, third = (json.loads(line) for line in logged("json").splitlines())
    assert (first["event"], first["level"], first["job_id"]) == ("job_started", "info", "a")
    assert (second["event"], second["level"]) == ("it is late", "warning")
    assert "ZeroDivisionError" in third["exception"]
    assert all("timestamp" in line for line in (first, second, third))


def test_auto_format_is_json_without_a_terminal() -> None:
    assert json.loads(logged("auto").splitlines()[0])["event"] == "job_started"


def test_context_variables_are_added_to_messages_of_libraries() -> None:
    first, second, third = (json.loads(line) for line in logged("json").splitlines())
    assert {line["request_id"] for line in (first, second, third)} == {"trace-1"}


def test_messages_below_the_level_are_dropped() -> None:
    text = logged("console")
    assert "too_quiet" not in text
    assert "chatter" not in text
