"""``xmetra pretrain`` and ``xmetra adapt``: training jobs."""

from typing import Annotated

import typer

from app.cli.assignments import parse_assignments
from app.cli.options import (
    DEFAULT_TASK,
    AsJson,
    Baselines,
    Examples,
    Follow,
    HeldOut,
    Key,
    Language,
    Settings,
    Task,
    Url,
)
from app.cli.rendering.console import messages, print_notes, results, write_json
from app.cli.rendering.job_outcome import follow_job
from app.cli.rendering.tables import plan_table
from app.cli.service_connection import connect
from core.contracts.values import Method, Promotion
from core.tasks.registry import task_spec
from xmetra_client import DEFAULT_URL, Client, Job
from xmetra_client.models import DryRun
from xmetra_client.options import PlanOptions, PretrainOptions

Promote = Annotated[
    Promotion,
    typer.Option(help="Deploy the new model if it scores better than the live one, always, or never."),
]


def pretrain(  # noqa: PLR0913  a command line is its options
    source_language: Language,
    examples: Examples,
    *,
    evaluation: HeldOut = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Encoder: embedded (22 languages), embedded-en, a hub id, or a folder that the worker can "
            "read; by default that of the service.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = None,
    promote: Promote = Promotion.IF_BETTER,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 42,
    task: Task = DEFAULT_TASK,
    follow: Follow = True,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Train a base on examples of the source language; every adaptation starts from a base.

    Example: [bold]xmetra pretrain en samples/mtod/en.jsonl[/]
    """
    options: PretrainOptions = {
        "task": task,
        "evaluation": evaluation,
        "encoder": encoder,
        "settings": parse_assignments(settings, task_spec(task).pretrain_settings),
        "seed": seed,
        "promote": promote.value,
    }
    with connect(url, key) as client:
        job = client.pretrain(source_language, examples, **options)
        _report_job(client, job, follow=follow, as_json=as_json)


def adapt(  # noqa: PLR0913  a command line is its options
    language: Language,
    examples: Examples,
    *,
    evaluation: HeldOut = None,
    method: Annotated[Method, typer.Option(help="Training method.")] = Method.X_METRA_ADA,
    baseline: Baselines = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="Checkpoint of the base to start from; by default the live one.", show_default=False
        ),
    ] = None,
    settings: Settings = None,
    promote: Promote = Promotion.IF_BETTER,
    extend_labels: Annotated[
        bool,
        typer.Option("--extend-labels", help="Accept intents and slots that the base does not know (mtod)."),
    ] = False,
    similarity: Annotated[
        str | None,
        typer.Option(
            help="Sentence encoder that finds similar questions (qa): embedded, a hub id, or a folder.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the data and print the plan; train nothing.")
    ] = False,
    task: Task = DEFAULT_TASK,
    follow: Follow = True,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Adapt the base to a language with a few labelled utterances or answered questions.

    Example: [bold]xmetra adapt es samples/mtod/es.few-shot.jsonl
    --evaluation samples/mtod/es.held-out.jsonl[/]
    """
    options: PlanOptions = {
        "task": task,
        "evaluation": evaluation,
        "method": method.value,
        "baselines": [name.value for name in baseline or ()] or None,
        "base": base,
        "hyperparameters": parse_assignments(settings, task_spec(task).hyperparameters),
        "promote": promote.value,
        "extend_labels": extend_labels or None,
        "similarity": similarity,
    }
    with connect(url, key) as client:
        if dry_run:
            show_plan(client.plan(language, examples, **options), as_json=as_json)
        else:
            job = client.adapt(language, examples, **options)
            _report_job(client, job, follow=follow, as_json=as_json)


def show_plan(dry_run: DryRun, *, as_json: bool) -> None:
    """Print the plan of an adaptation."""
    if as_json:
        write_json(dry_run)
        return
    results().print(plan_table(dry_run.plan))
    if dry_run.plan.estimated_seconds is not None:
        results().print(f"about {dry_run.plan.estimated_seconds:.0f} seconds")
    print_notes([*dry_run.plan.warnings, *dry_run.checks.warnings])


def _report_job(client: Client, job: Job, *, follow: bool, as_json: bool) -> None:
    """Follow a new job to its end, or print how to.

    Raises:
        JobFailed: The job was followed, and failed or was cancelled.
    """
    accepted = job.accepted
    assert accepted is not None  # the service has just accepted the job
    if follow:
        follow_job(client, job.job_id, as_json=as_json, notes=accepted.checks.warnings)
        return
    print_notes(accepted.checks.warnings)
    if as_json:
        write_json(accepted)
    else:
        results().print(f"job {accepted.job_id} is {accepted.status}")
        messages().print(f"watch it with: xmetra jobs watch {accepted.job_id}")
