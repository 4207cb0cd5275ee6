"""Following a job to its end, and printing its outcome."""

from collections.abc import Collection

from rich.markup import escape

from app.cli.rendering.console import messages, print_notes, results, write_json
from app.cli.rendering.job_progress import show_progress
from app.cli.rendering.tables import calibration_line, decision_line, report_candidates, scores_table
from xmetra_client import Client
from xmetra_client.errors import succeeded
from xmetra_client.models import JobView


def follow_job(client: Client, job_id: str, *, as_json: bool, notes: Collection[str] = ()) -> None:
    """Show the progress of a job until it ends, then its outcome; Ctrl-C does not stop the job.

    Args:
        client: Client of the service.
        job_id: Id of the job.
        as_json: Print the job as JSON.
        notes: Notes to print first; the report's notes are printed unless they are among these.

    Raises:
        JobFailed: The job failed or was cancelled.
    """
    console = messages()
    print_notes(notes)
    console.print(f"job {job_id}", style="dim")
    try:
        show_progress(client.events(job_id), console)
        job = client.job(job_id).state()
    except KeyboardInterrupt:
        console.print(
            f"the job continues: see `xmetra jobs watch {job_id}`, stop it with `xmetra jobs cancel {job_id}`"
        )
        raise
    show_outcome(job, as_json=as_json, printed_notes=notes)


def show_outcome(job: JobView, *, as_json: bool, printed_notes: Collection[str] = ()) -> None:
    """Print the outcome of a job.

    Args:
        job: A job that has ended.
        as_json: Print the job as JSON.
        printed_notes: Notes that were printed already.

    Raises:
        JobFailed: The job failed or was cancelled.
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
    if line := calibration_line(report):
        console.print(line)
    print_notes(note for note in report.warnings if note not in printed_notes)
    console.print(f"checkpoint {job.checkpoint_id}, {report.wall_seconds:.0f} seconds", style="dim")
