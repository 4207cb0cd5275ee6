"""Progress of jobs: a bar on a terminal, lines anywhere else."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as ProgressBar

from core.contracts.jobs import JobStatus, Progress
from xmetra_client import Job
from xmetra_client import models as responses

METRICS_SHOWN: Final = 4

LINE_INTERVAL_SECONDS: Final = 10.0
"""The log of a job that takes an hour should not have ten thousand lines."""


class ProgressDisplay(Protocol):
    """Displays the progress of a job."""

    def show(self, progress: Progress) -> None:
        """Display the latest progress."""


class ProgressLines:
    """Prints a line when a stage begins, and then at intervals; suits a log file.

    Args:
        console: Console that the lines are printed on.
        interval_seconds: Minimum time between two lines of a stage.
    """

    def __init__(self, console: Console, *, interval_seconds: float = LINE_INTERVAL_SECONDS) -> None:
        self._console = console
        self._interval_seconds = interval_seconds
        self._stage = ""
        self._printed_at = 0.0

    def show(self, progress: Progress) -> None:
        """Print a line if the stage is new or the interval is over."""
        now = time.monotonic()
        if progress.stage == self._stage and now - self._printed_at < self._interval_seconds:
            return
        self._stage, self._printed_at = progress.stage, now
        line = f"{progress.percent:3.0f} %  {progress.stage}  {progress_details(progress)}"
        self._console.print(escape(line.rstrip()))


class LiveBar:
    """A bar with stage, percentage, step, losses and remaining time."""

    def __init__(self, bar: ProgressBar) -> None:
        self._bar = bar
        self._task = bar.add_task("queued", total=100, details="")

    def show(self, progress: Progress) -> None:
        """Update the bar."""
        self._bar.update(
            self._task,
            completed=progress.percent,
            description=escape(progress.stage),
            details=escape(progress_details(progress)),
        )


def progress_details(progress: Progress | responses.Progress) -> str:
    """Return the step, the losses and the remaining time, as far as they are known."""
    parts = [f"step {progress.step}/{progress.total_steps}"] if progress.total_steps else []
    parts += [f"{name} {value:.3g}" for name, value in list(progress.metrics.items())[:METRICS_SHOWN]]
    if progress.eta_seconds is not None:
        parts.append(f"{format_duration(progress.eta_seconds)} to go")
    return "  ".join(parts)


def format_duration(seconds: float) -> str:
    """Return a duration as minutes and seconds, with hours if there are any: 95 seconds are ``1:35``."""
    minutes, rounded_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rounded_seconds:02}" if hours else f"{minutes}:{rounded_seconds:02}"


@contextmanager
def progress_display(console: Console) -> Iterator[ProgressDisplay]:
    """Yield a bar if the console is a terminal, else `ProgressLines`."""
    if not console.is_terminal:
        yield ProgressLines(console)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("[dim]{task.fields[details]}"),
    )
    with ProgressBar(*columns, console=console, transient=True) as bar:
        yield LiveBar(bar)


def show_progress(events: Iterable[responses.JobEvent], console: Console) -> None:
    """Display the progress of a job until its events end."""
    with progress_display(console) as display:
        for event in events:
            show_event(display, event)


def wait_with_progress(job: Job, console: Console) -> responses.JobView:
    """Display the progress of a job until it ends, and return its state with the report.

    Raises:
        JobFailed: The job failed or was cancelled.
    """
    with progress_display(console) as display:
        return job.wait(lambda event: show_event(display, event))


def show_event(display: ProgressDisplay, event: responses.JobEvent) -> None:
    """Display the progress that an event reports, if it reports any."""
    if (progress := progress_of(event)) is not None:
        display.show(progress)


def progress_of(event: responses.JobEvent) -> Progress | None:
    """Return the progress that an event reports; None if it reports none."""
    if event.event == "progress":
        return Progress.model_validate(event.data, extra="ignore")
    if event.data.get("status") == JobStatus.CANCELLING:
        return Progress(stage="cancelling")
    return None
