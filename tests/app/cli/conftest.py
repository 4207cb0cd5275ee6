import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli import main
from tests.app.cli.running import Result, Run
from tests.app.fake_service import FakeService, fake_service


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service() as running:
        yield running


@pytest.fixture
def run(service: FakeService, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs ``xmetra`` against the fake service, in a wide terminal without colours."""
    monkeypatch.setenv("XMETRA_URL", service.url)
    monkeypatch.setenv("COLUMNS", "200")

    def run_command(*arguments: str) -> Result:
        with pytest.raises(SystemExit) as exit_info:
            main(arguments)
        captured = capsys.readouterr()
        code = exit_info.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run_command


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    file = tmp_path / "es.jsonl"
    lines = [
        {
            "text": "pon una alarma mañana",
            "intent": "alarm/set_alarm",
            "slots": [{"slot": "datetime", "start": 15, "end": 21}],
        },
        {"text": "va a llover", "intent": "weather/find", "slots": []},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file
