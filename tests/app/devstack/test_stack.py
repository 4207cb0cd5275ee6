import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.devstack.data_folder import claim
from app.devstack.errors import FolderInUse, StackError
from app.devstack.stack import Stack, listening_socket
from tests.app.stack_parts import BROKEN, TRACE, quick_parts, survivors, wait_for_no_survivors

RUN_A_STACK = """
import sys
from pathlib import Path
from app.devstack.stack import Stack
from tests.app.stack_parts import quick_parts

print("begun", flush=True)
with Stack(Path(sys.argv[1]), parts=quick_parts()) as stack:
    stack.wait_until_ready()
    print("ready", flush=True)
    stack.wait()
"""


def start_script(folder: Path) -> subprocess.Popen[str]:
    """Start a stack in a separate process; the folder is its trace."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN_A_STACK, str(folder)],
        env={**os.environ, TRACE: str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def wait_for_line(script: subprocess.Popen[str], line: str) -> None:
    assert script.stdout is not None
    assert script.stdout.readline().strip() == line


def wait_for_exit(script: subprocess.Popen[str]) -> int:
    with script:
        return script.wait(timeout=30)


def test_stack_is_ready_on_loopback_and_leaves_no_process(tmp_path: Path) -> None:
    with Stack(tmp_path, parts=quick_parts()) as stack:
        stack.wait_until_ready()
        assert stack.url.startswith("http://127.0.0.1:")
        assert survivors(tmp_path)
    assert survivors(tmp_path) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{stack.url}/health/ready")


def test_stack_can_be_started_twice_in_one_folder(tmp_path: Path) -> None:
    for _ in range(2):
        with Stack(tmp_path, parts=quick_parts()) as stack:
            stack.wait_until_ready()


def test_stack_uses_a_free_port_when_the_preferred_one_is_taken(tmp_path: Path) -> None:
    with listening_socket("127.0.0.1", 0) as occupied:
        port = occupied.getsockname()[1]
        with Stack(tmp_path, port=port, parts=quick_parts()) as stack:
            stack.wait_until_ready()
            assert stack.port not in {0, port}


def test_stack_uses_the_preferred_port_when_it_is_free(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Stack(tmp_path, port=port, parts=quick_parts()) as stack:
        assert stack.port == port


def test_wait_reports_the_log_tail_of_a_worker_that_ended(tmp_path: Path) -> None:
    with (
        pytest.raises(
            StackError, match=r"the worker ended \(exit code 1\)(.|\n)*the model could not be read"
        ),
        Stack(tmp_path, parts=quick_parts(worker=BROKEN)) as stack,
    ):
        stack.wait()
    assert survivors(tmp_path) == []


def test_wait_until_ready_fails_at_once_when_the_api_ends(tmp_path: Path) -> None:
    with (
        pytest.raises(StackError, match="the api ended"),
        Stack(tmp_path, parts=quick_parts(api=BROKEN)) as stack,
    ):
        stack.wait_until_ready()


def test_wait_until_ready_times_out_when_the_api_never_answers(tmp_path: Path) -> None:
    parts = quick_parts(api="import time; time.sleep(600)")
    with pytest.raises(StackError, match="not ready after 1 seconds"), Stack(tmp_path, parts=parts) as stack:
        stack.wait_until_ready(seconds=1, request_seconds=0.2)


def test_stack_restores_signal_handlers(tmp_path: Path) -> None:
    watched = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = [signal.getsignal(number) for number in watched]
    with Stack(tmp_path, parts=quick_parts()):
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert [signal.getsignal(number) for number in watched] == before


def test_stack_refuses_a_folder_that_is_in_use(tmp_path: Path) -> None:
    with (
        claim(tmp_path),
        pytest.raises(FolderInUse, match=f"process {os.getpid()}"),
        Stack(tmp_path, parts=quick_parts()),
    ):
        pytest.fail("it started")


def test_stack_reports_a_data_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(FolderInUse, match=r"file/data cannot be used: Not a directory"),
        Stack(tmp_path / "file" / "data", parts=quick_parts()),
    ):
        pytest.fail("it started")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_stack_leaves_no_process_when_its_parent_is_signalled(tmp_path: Path, number: signal.Signals) -> None:
    script = start_script(tmp_path)
    wait_for_line(script, "begun")
    wait_for_line(script, "ready")
    script.send_signal(number)
    assert wait_for_exit(script) != 0
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.2, 0.4])
def test_stack_leaves_no_process_when_signalled_during_start(
    tmp_path: Path, number: signal.Signals, seconds: float
) -> None:
    script = start_script(tmp_path)
    wait_for_line(script, "begun")
    time.sleep(seconds)
    script.send_signal(number)
    assert wait_for_exit(script) != 0
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []


def test_stack_completes_cleanup_when_interrupted_repeatedly(tmp_path: Path) -> None:
    script = start_script(tmp_path)
    wait_for_line(script, "begun")
    wait_for_line(script, "ready")
    for _ in range(20):
        script.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert wait_for_exit(script) != 0
    assert wait_for_no_survivors(tmp_path, trace=str(tmp_path)) == []


def test_stack_waits_for_one_whose_parent_was_killed(tmp_path: Path) -> None:
    script = start_script(tmp_path)
    wait_for_line(script, "begun")
    wait_for_line(script, "ready")
    script.kill()
    wait_for_exit(script)
    with Stack(tmp_path, parts=quick_parts()) as stack:
        stack.wait_until_ready()
