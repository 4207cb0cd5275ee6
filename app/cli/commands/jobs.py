"""``xmetra jobs list | show | watch | cancel``."""

from typing import Annotated

import typer
from rich.markup import escape

from app.cli.options import AsJson, Key, Url
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.job_outcome import show_outcome, watch_to_the_end
from app.cli.rendering.job_progress import details
from app.cli.rendering.tables import jobs_table
from app.client.errors import failure
from app.client.sync_client import Client
from app.client.transport import DEFAULT_URL
from app.schemas.responses import JobView
from core.contracts.jobs import JobStatus

JobId = Annotated[
    str, typer.Argument(help="The id that adapt and pretrain print.", metavar="JOB", show_default=False)
]

application = typer.Typer(
    help="See, watch and cancel jobs. Example: [bold]xmetra jobs list --status running[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@application.command(name="list")
def list_jobs(
    *,
    status: Annotated[JobStatus | None, typer.Option(help="Only these.", show_default=False)] = None,
    language: Annotated[str | None, typer.Option(help="Only this language's.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100)] = 20,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs.

    Example: [bold]xmetra jobs list --language es[/]
    """
    with Client(url, key=key) as client:
        page = client.jobs(status=status.value if status else None, language=language, limit=limit)
    if as_json:
        write_json(page)
    elif page.jobs:
        results().print(jobs_table(page.jobs))
    else:
        messages().print("no jobs")


@application.command()
def show(job_id: JobId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False) -> None:
    """Show where a job stands, and its report once it has ended.

    Example: [bold]xmetra jobs show JOB --json[/]
    """
    with Client(url, key=key) as client:
        job = client.job(job_id)
    if as_json:
        write_json(job)
        return
    results().print(jobs_table([job]))
    if job.status is JobStatus.SUCCEEDED:
        show_outcome(job, as_json=False)
    elif job.status.is_final:
        results().print(escape(failure(job)))
    elif line := details(job.progress):
        results().print(escape(line))


@application.command()
def watch(job_id: JobId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False) -> None:
    """Show a job's progress until it ends, then its outcome; Ctrl-C ends only the watching.

    Example: [bold]xmetra jobs watch JOB[/]
    """
    with Client(url, key=key) as client:
        watch_to_the_end(client, job_id, as_json=as_json)


@application.command()
def cancel(job_id: JobId, *, url: Url = DEFAULT_URL, key: Key = None, as_json: AsJson = False) -> None:
    """Ask a job to stop; what it has learnt so far is dropped, the service stays as it was.

    Example: [bold]xmetra jobs cancel JOB[/]
    """
    with Client(url, key=key) as client:
        job = client.cancel(job_id)
    if as_json:
        write_json(job)
    else:
        _tell_cancelled(job)


def _tell_cancelled(job: JobView) -> None:
    """Print what came of it: a job that has ended stays what it is."""
    results().print(f"job {job.job_id} is {job.status.value}")
