import pytest

from app.cli.exit_codes import ExitCode
from tests.app.cli.running import Run
from tests.app.fake_service import FakeService, Reply


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_command_exits_with_3_without_a_remedy_when_the_service_is_unavailable(
    service: FakeService, run: Run, status: int
) -> None:
    service.answer("GET /jobs", Reply({"title": "Busy", "detail": "the queue is full"}, status))

    result = run("jobs", "list")

    assert result.code == ExitCode.UNREACHABLE
    assert result.err == "xmetra: the queue is full\n"


@pytest.mark.parametrize(
    ("status", "code"),
    [(403, ExitCode.USAGE), (409, ExitCode.USAGE), (500, ExitCode.FAILED), (507, ExitCode.FAILED)],
)
def test_command_exits_with_the_code_of_the_http_status(
    service: FakeService, run: Run, status: int, code: ExitCode
) -> None:
    service.answer("GET /jobs", Reply({"title": "Title", "detail": "the detail"}, status))

    result = run("jobs", "list")

    assert result.code == code
    assert "the detail" in result.err


def test_command_exits_with_2_and_sends_no_request_when_an_id_is_invalid(
    service: FakeService, run: Run
) -> None:
    assert run("jobs", "show", "../languages").code == ExitCode.USAGE
    assert service.requests == []
