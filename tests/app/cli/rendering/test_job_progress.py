import io

import pytest
from rich.console import Console

from app.cli.rendering.job_progress import LineWatcher, details, duration, watcher
from core.contracts.jobs import Progress


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0:00"), (59.6, "1:00"), (95, "1:35"), (3725, "1:02:05")]
)
def test_a_duration_is_told_as_a_clock_does(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_nothing_is_told_of_what_is_not_known() -> None:
    assert details(Progress()) == ""


def test_a_terminal_gets_a_bar_with_stage_step_losses_and_time_to_go() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    with watcher(console) as bar:
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
    drawn = console.file.getvalue()
    for part in ("meta-train", "40 %", "step 24/60  loss 0.123  1:35 to go"):
        assert part in drawn


def test_a_log_gets_a_line_a_stage_and_one_now_and_then() -> None:
    console = Console(file=io.StringIO(), width=120)
    assert isinstance(console.file, io.StringIO)
    rare, frequent = LineWatcher(console), LineWatcher(console, pause_seconds=0.0)
    for lines in (rare, frequent):
        for step in (1, 2):
            lines.show(Progress(percent=step, stage="meta-train", step=step, total_steps=60))
        lines.show(Progress(percent=90, stage="evaluate"))
    told = console.file.getvalue().splitlines()
    assert [line.split()[0] for line in told] == ["1", "90", "1", "2", "90"]
