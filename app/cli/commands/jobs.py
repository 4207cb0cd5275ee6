"""``xmetra jobs``: the jobs of a service."""

from typing import Annotated

import typer
from rich.markup import escape

from app.cli.options import AsJson, Key, Limit, Url
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.job_outcome import follow_job, show_outcome
from app.cli.rendering.job_progress import progress_details
from app.cli.rendering.tables import jobs_table
from app.cli.service_connection import connect
from core.contracts.jobs import JobStatus
from xmetra_client import DEFAULT_URL, FINAL_STATUSES
from xmetra_client.errors import failure

JobId = Annotated[
    str,
    typer.Argument(
        help="Id of the job; adapt, pretrain and `jobs list` print it.", metavar="JOB", show_default=False
    ),
]

application = typer.Typer(
    help="List, show, watch and cancel jobs.\n\nExample: [bold]xmetra jobs list --status running[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command(name="list")
def list_jobs(
    *,
    status: Annotated[
        JobStatus | None, typer.Option(help="Only jobs with this status.", show_default=False)
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Only jobs of this language.", show_default=False)
    ] = None,
    limit: Limit = 20,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs.

    Example: [bold]xmetra jobs list --language es[/]
    """
    with connect(url, key) as client:
        page = client.jobs(status=status.value if status else None, language=language, limit=limit)
    if as_json:
        write_json(page)
    elif page.jobs:
        results().print(jobs_table(page.jobs))
    else:
        messages().print("no jobs")


@application.command()
def show(job_id: JobId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False) -> None:
    """Show the state of a job, and its report if it has ended.

    Example: [bold]xmetra jobs show JOB --json[/]
    """
    with connect(url, key) as client:
        job = client.job(job_id).state()
    if as_json:
        write_json(job)
        return
    results().print(jobs_table([job]))
    if job.status == JobStatus.SUCCEEDED:
        show_outcome(job, as_json=False)
    elif job.status in FINAL_STATUSES:
        results().print(escape(failure(job)))
    elif line := progress_details(job.progress):
        results().print(escape(line))


@application.command()
def watch(job_id: JobId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False) -> None:
    """Show the progress of a job until it ends, then its outcome.

    Ctrl-C stops watching; the job continues.

    Example: [bold]xmetra jobs watch JOB[/]
    """
    with connect(url, key) as client:
        follow_job(client, job_id, as_json=as_json)


@application.command()
def cancel(job_id: JobId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False) -> None:
    """Cancel a job; its training is discarded, and the live models stay as they are.

    Example: [bold]xmetra jobs cancel JOB[/]
    """
    with connect(url, key) as client:
        job = client.cancel(job_id)
    if as_json:
        write_json(job)
    else:
        results().print(f"job {job.job_id} is {job.status}")
