"""Following a job to its end, and telling what came of it."""

from collections.abc import Iterable

from rich.markup import escape

from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.job_progress import show_progress
from app.cli.rendering.tables import calibration_line, decision_line, report_candidates, scores_table
from app.client.errors import succeeded
from app.client.sync_client import Client
from app.schemas.responses import JobView


def watch_to_the_end(client: Client, job_id: str, *, as_json: bool) -> None:
    """Show a job's progress, then its outcome; Ctrl-C ends the watching, not the job."""
    console = messages()
    console.print(f"job {job_id}", style="dim")
    try:
        show_progress(client.events(job_id), console)
        job = client.job(job_id)
    except KeyboardInterrupt:
        console.print(f"the job goes on; xmetra jobs watch {job_id}, or xmetra jobs cancel {job_id}")
        raise
    show_outcome(job, as_json=as_json)


def show_outcome(job: JobView, *, as_json: bool) -> None:
    """Print how a job ended.

    Raises:
        JobFailed: It did not succeed.
    """
    if as_json:
        write_json(job)
    report = succeeded(job).report
    if as_json or report is None:
        return
    console = results()
    console.print(scores_table(report_candidates(report)))
    console.print(escape(report.verdict))
    console.print(decision_line(report))
    if told := calibration_line(report):
        console.print(told)
    warn(report.warnings)
    console.print(f"checkpoint {job.checkpoint_id}, {report.wall_seconds:.0f} seconds", style="dim")


def warn(warnings: Iterable[str]) -> None:
    """Print what people should know, each once."""
    for warning in dict.fromkeys(warnings):
        messages().print(f"[yellow]note:[/] {escape(warning)}")
