"""Each in a process of its own, for logging is set for a whole process."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import logging, structlog
from worker.logs import configure_logging
configure_logging(level="INFO", as_json={as_json})
log = structlog.get_logger("test")
log.debug("too_quiet")
log.info("job_started", job_id="a", language="th")
logging.getLogger("library").warning("it is %s", "late")
logging.getLogger("rq.worker").info("chatter")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("job_failed")
"""


def logged(*, as_json: bool) -> str:
    program = PROGRAM.format(as_json=as_json)
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == ""
    return ran.stderr


def test_people_get_lines_they_can_read() -> None:
    lines = logged(as_json=False).splitlines()
    assert "job_started" in lines[0]
    assert "job_id=a" in lines[0]
    assert "it is late" in lines[1]
    assert "ZeroDivisionError: division by zero" in lines[-1]
    assert "\x1b" not in "".join(lines)  # no colours where there is no terminal


def test_machines_get_one_object_a_line() -> None:
    first, second, third = (json.loads(line) for line in logged(as_json=True).splitlines())
    assert (first["event"], first["level"], first["job_id"]) == ("job_started", "info", "a")
    assert (second["event"], second["level"]) == ("it is late", "warning")
    assert "ZeroDivisionError" in third["exception"]
    assert all("timestamp" in line for line in (first, second, third))


def test_what_is_too_quiet_and_the_chatter_of_rq_are_left_out() -> None:
    text = logged(as_json=False)
    assert "too_quiet" not in text
    assert "chatter" not in text
