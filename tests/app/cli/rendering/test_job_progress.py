import io

import pytest
from rich.console import Console

from app.cli.rendering.job_progress import (
    ProgressLines,
    format_duration,
    progress_details,
    progress_display,
)
from core.contracts.jobs import Progress


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (95, "1:35"), (3725, "1:02:05")]
)
def test_format_duration_shows_minutes_and_seconds(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_progress_details_omits_unknown_values() -> None:
    assert progress_details(Progress()) == ""


def test_progress_display_draws_a_bar_with_details_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with progress_display(console) as bar:
        bar.show(
            Progress(
                percent=40,
                stage="meta-train",
                step=24,
                total_steps=60,
                eta_seconds=95,
                metrics={"loss": 0.1234},
            )
        )
    assert isinstance(console.file, io.StringIO)
    output = console.file.getvalue()
    for part in ("meta-train", "40 %", "step 24/60  loss 0.123  1:35 to go"):
        assert part in output


def test_progress_lines_prints_each_stage_and_at_intervals() -> None:
    console = Console(file=io.StringIO(), width=120)
    assert isinstance(console.file, io.StringIO)
    rare, frequent = ProgressLines(console), ProgressLines(console, interval_seconds=0.0)
    for display in (rare, frequent):
        for step in (1, 2):
            display.show(Progress(percent=step, stage="meta-train", step=step, total_steps=60))
        display.show(Progress(percent=90, stage="evaluate"))
    lines = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["1", "90", "1", "2", "90"]
