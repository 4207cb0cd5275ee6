import os
import signal

import pytest
from rq.timeouts import JobTimeoutException

from core.errors import (
    CorruptArtifact,
    Fault,
    InvalidInput,
    ModelUnavailable,
    NotFound,
    StoreFull,
    TrainingDiverged,
    XmetraError,
)
from worker.failures import abandoned, death_of, problem_of


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (NotFound("there is no base 'b'"), "Something the job needs is not there"),
        (StoreFull("no space is left"), "The store is full"),
        (CorruptArtifact("model.safetensors was changed"), "A stored file is damaged"),
        (TrainingDiverged("the loss is nan"), "The training diverged"),
        (ModelUnavailable("no base yet"), "A part of the service was not available"),
    ],
)
def test_problem_of_known_error_has_a_title_and_its_message(error: XmetraError, title: str) -> None:
    problem = problem_of(error)
    assert (problem.title, problem.detail) == (title, str(error))


def test_problem_of_invalid_input_lists_every_fault() -> None:
    problem = problem_of(InvalidInput([Fault("line 1", "empty"), Fault("line 2", "no intent")]))
    assert problem.detail == "2 faults were found"
    assert problem.errors == (
        {"pointer": "line 1", "detail": "empty"},
        {"pointer": "line 2", "detail": "no intent"},
    )


def test_problem_of_a_single_fault_uses_the_singular() -> None:
    assert problem_of(InvalidInput([Fault("line 1", "empty")])).detail == "1 fault was found"


def test_problem_of_a_timeout_is_a_timeout() -> None:
    problem = problem_of(JobTimeoutException("Task exceeded maximum timeout value (5 seconds)"))
    assert problem.title == "The job timed out"
    assert "5 seconds" in problem.detail


@pytest.mark.parametrize(("attempts", "expected"), [(1, "It began once,"), (5, "It began 5 times,")])
def test_abandoned_states_the_number_of_attempts(attempts: int, expected: str) -> None:
    problem = abandoned(attempts)
    assert problem.title == "The worker died"
    assert problem.detail.startswith(expected)


class OutOfMemoryError(RuntimeError):
    """Has the name of torch's error, which is not imported here."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_problem_of_memory_errors_is_out_of_memory(error: Exception) -> None:
    problem = problem_of(error)
    assert problem.title == "Out of memory"
    assert problem.detail


def test_problem_of_an_unexpected_error_names_its_class() -> None:
    assert problem_of(KeyError("stage")).detail == "KeyError: 'stage'"


def wait_status(signal_number: int = 0, exit_code: int = 0) -> int:
    """Return the wait status of a process that ended with a signal or an exit code."""
    if (
        child := os.posix_spawn("/bin/sh", ["sh", "-c", f"kill -{signal_number} $$; exit {exit_code}"], {})
    ) > 0:
        return os.waitpid(child, 0)[1]
    raise AssertionError


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_death_of_a_killed_process_names_the_signal(number: signal.Signals) -> None:
    assert f"signal {int(number)} ({signal.strsignal(number)})" in death_of(wait_status(number)).detail


def test_death_of_suggests_memory_for_sigkill_only() -> None:
    assert "memory" in death_of(wait_status(signal.SIGKILL)).detail
    assert "memory" not in death_of(wait_status(signal.SIGSEGV)).detail


def test_death_of_an_exited_process_states_its_exit_code() -> None:
    assert "exit code 7" in death_of(wait_status(exit_code=7)).detail


def test_death_of_an_unknown_status_is_not_explained() -> None:
    assert "not known" in death_of(None).detail
