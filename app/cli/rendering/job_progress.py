"""Watching a job: a live bar for people, plain lines where the output is not a terminal."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as ProgressBar

from core.contracts.jobs import JobEvent, JobStatus, Progress

METRICS_SHOWN = 4

LINE_PAUSE_SECONDS = 10.0
"""A log of a job that takes an hour should not take ten thousand lines."""


class Watcher(Protocol):
    """Shows where a job stands."""

    def show(self, progress: Progress) -> None:
        """Show it."""


class LineWatcher:
    """Prints a line when a stage begins and now and then: what a log file should hold.

    Args:
        console: Where to.
        pause_seconds: The least time between two lines of one stage.
    """

    def __init__(self, console: Console, *, pause_seconds: float = LINE_PAUSE_SECONDS) -> None:
        self._console = console
        self._pause_seconds = pause_seconds
        self._stage = ""
        self._printed = 0.0

    def show(self, progress: Progress) -> None:
        """Print a line if the stage is new or the last line old."""
        if progress.stage == self._stage and time.monotonic() - self._printed < self._pause_seconds:
            return
        self._stage, self._printed = progress.stage, time.monotonic()
        line = f"{progress.percent:3.0f} %  {progress.stage}  {details(progress)}"
        self._console.print(escape(line.rstrip()))


class BarWatcher:
    """Moves a bar: stage, percent, step, losses, time to go."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._task = bar.add_task("queued", total=100, details="")

    def show(self, progress: Progress) -> None:
        """Move the bar."""
        self._bar.update(
            self._task,
            completed=progress.percent,
            description=escape(progress.stage),
            details=escape(details(progress)),
        )


def details(progress: Progress) -> str:
    """Return step, losses and time to go, as far as they are known."""
    parts = [f"step {progress.step}/{progress.total_steps}"] if progress.total_steps else []
    parts += [f"{name} {value:.3g}" for name, value in list(progress.metrics.items())[:METRICS_SHOWN]]
    if progress.eta_seconds is not None:
        parts.append(f"{duration(progress.eta_seconds)} to go")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Return 95 seconds as 1:35."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def watcher(console: Console) -> Iterator[Watcher]:
    """Give the watcher that suits the console."""
    if not console.is_terminal:
        yield LineWatcher(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("[dim]{task.fields[details]}"),
    )
    with ProgressBar(*columns, console=console, transient=True) as bar:
        yield BarWatcher(bar)


def show_progress(events: Iterable[JobEvent], console: Console) -> None:
    """Show a job's progress until its events end."""
    with watcher(console) as shown:
        for event in events:
            if (progress := progress_of(event)) is not None:
                shown.show(progress)


def progress_of(event: JobEvent) -> Progress | None:
    """Return what an event says to a watcher."""
    if event.event == "progress":
        return Progress.model_validate(event.data)
    if event.data.get("status") == JobStatus.CANCELLING:
        return Progress(stage="cancelling")
    return None
