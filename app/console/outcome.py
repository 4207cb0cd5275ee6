"""Following a job to its end, and telling what came of it."""

from collections.abc import Iterable

from rich.markup import escape

from app.answers import JobView
from app.client import Client
from app.console.display import calibration_line, decision_line, report_candidates, scores_table
from app.console.following import follow
from app.console.output import messages, results, write_json
from core.contracts.jobs import JobStatus


class JobFailed(Exception):
    """The job ended without a result; the message is for people."""


def watch_to_the_end(client: Client, job_id: str, *, as_json: bool) -> None:
    """Show a job's progress, then its outcome; Ctrl-C ends the watching, not the job."""
    console = messages()
    console.print(f"job {job_id}", style="dim")
    try:
        job = follow(client, job_id, console)
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
    if job.status is not JobStatus.SUCCEEDED:
        raise JobFailed(failure(job))
    if as_json or job.report is None:
        return
    console = results()
    console.print(scores_table(report_candidates(job.report)))
    console.print(escape(job.report.verdict))
    console.print(decision_line(job.report))
    if told := calibration_line(job.report):
        console.print(told)
    warn(job.report.warnings)
    console.print(f"checkpoint {job.checkpoint_id}, {job.report.wall_seconds:.0f} seconds", style="dim")


def failure(job: JobView) -> str:
    """Return why a job has no result."""
    if job.error is None:
        return f"job {job.job_id} was {job.status.value}"
    faults = [f"  {fault.get('pointer', '')}: {fault.get('detail', '')}" for fault in job.error.errors]
    return "\n".join([f"job {job.job_id} {job.status.value}: {job.error.detail}", *faults])


def warn(warnings: Iterable[str]) -> None:
    """Print what people should know, each once."""
    for warning in dict.fromkeys(warnings):
        messages().print(f"[yellow]note:[/] {escape(warning)}")
