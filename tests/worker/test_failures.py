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
def test_an_error_of_ours_has_a_title_and_keeps_its_words(error: XmetraError, title: str) -> None:
    problem = problem_of(error)
    assert (problem.title, problem.detail) == (title, str(error))


def test_every_fault_is_kept_with_its_place() -> None:
    problem = problem_of(InvalidInput([Fault("line 1", "empty"), Fault("line 2", "no intent")]))
    assert problem.detail == "2 faults were found"
    assert problem.errors == (
        {"pointer": "line 1", "detail": "empty"},
        {"pointer": "line 2", "detail": "no intent"},
    )


def test_one_fault_is_told_in_the_singular() -> None:
    assert problem_of(InvalidInput([Fault("line 1", "empty")])).detail == "1 fault was found"


def test_a_timeout_is_told_as_one() -> None:
    problem = problem_of(JobTimeoutException("Task exceeded maximum timeout value (5 seconds)"))
    assert problem.title == "The job timed out"
    assert "5 seconds" in problem.detail


@pytest.mark.parametrize(("attempts", "told"), [(1, "It began once,"), (5, "It began 5 times,")])
def test_a_job_whose_workers_died_is_told_how_often(attempts: int, told: str) -> None:
    problem = abandoned(attempts)
    assert problem.title == "The worker died"
    assert problem.detail.startswith(told)


class OutOfMemoryError(RuntimeError):
    """Named as torch's own, which cannot be imported here."""


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemoryError("CUDA out of memory")])
def test_too_little_memory_is_told_as_such(error: Exception) -> None:
    problem = problem_of(error)
    assert problem.title == "Out of memory"
    assert problem.detail


def test_an_unexpected_error_is_told_by_its_name() -> None:
    assert problem_of(KeyError("stage")).detail == "KeyError: 'stage'"


def wait_status(signal_number: int = 0, exit_code: int = 0) -> int:
    """Return what the kernel tells of a process that ended so."""
    if (
        child := os.posix_spawn("/bin/sh", ["sh", "-c", f"kill -{signal_number} $$; exit {exit_code}"], {})
    ) > 0:
        return os.waitpid(child, 0)[1]
    raise AssertionError


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_process_that_was_killed_is_told_with_the_signal(number: signal.Signals) -> None:
    assert f"signal {int(number)} ({signal.strsignal(number)})" in death_of(wait_status(number)).detail


def test_memory_is_suspected_only_of_the_signal_that_the_system_uses_for_it() -> None:
    assert "memory" in death_of(wait_status(signal.SIGKILL)).detail
    assert "memory" not in death_of(wait_status(signal.SIGSEGV)).detail


def test_a_process_that_ended_by_itself_is_told_with_its_code() -> None:
    assert "exit code 7" in death_of(wait_status(exit_code=7)).detail


def test_an_end_that_nobody_saw_is_not_explained() -> None:
    assert "not known" in death_of(None).detail
