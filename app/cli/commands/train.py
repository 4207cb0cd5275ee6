"""``xmetra pretrain`` and ``xmetra adapt``."""

import json
from typing import Annotated, Any

import typer

from app.cli.exit_codes import UsageFault
from app.cli.options import (
    DEFAULT_TASK,
    AsJson,
    EvaluationFile,
    Examples,
    Follow,
    Key,
    Language,
    Settings,
    Task,
    Url,
)
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.job_outcome import warn, watch_to_the_end
from app.cli.rendering.tables import plan_table
from app.client.requests import PlanOptions, PretrainOptions
from app.client.sync_client import Client, Job
from app.client.transport import DEFAULT_URL
from app.schemas.responses import DryRun
from core.contracts.values import Method, Promotion

Promote = Annotated[Promotion, typer.Option(help="When the new model may take over the service.")]


def pretrain(  # noqa: PLR0913  a command line is its options
    source_language: Language,
    examples: Examples,
    *,
    evaluation: EvaluationFile = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="embedded (22 languages), embedded-en, a hub id, or a folder the worker can read; "
            "the service's own by default.",
            show_default=False,
        ),
    ] = None,
    settings: Settings = None,
    promote: Promote = Promotion.IF_BETTER,
    seed: Annotated[int, typer.Option(help="What all chance comes from.")] = 42,
    task: Task = DEFAULT_TASK,
    follow: Follow = True,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Make a base: the model of the source language that every adaptation starts from.

    Example: [bold]xmetra pretrain en samples/mtod/en.jsonl[/]
    """
    options: PretrainOptions = {
        "task": task.value,
        "evaluation": evaluation,
        "encoder": encoder,
        "settings": nested_settings(settings),
        "seed": seed,
        "promote": promote.value,
    }
    with Client(url, key=key) as client:
        job = client.pretrain(source_language, examples, **options)
        _after_acceptance(job, follow=follow, as_json=as_json)


def adapt(  # noqa: PLR0913  a command line is its options
    language: Language,
    examples: Examples,
    *,
    evaluation: EvaluationFile = None,
    method: Annotated[Method, typer.Option(help="How to learn.")] = Method.X_METRA_ADA,
    baseline: Annotated[
        list[Method] | None,
        typer.Option(help="Another method to train beside it, for comparison only.", show_default=False),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="The base to start from; the one in service by default.", show_default=False),
    ] = None,
    settings: Settings = None,
    promote: Promote = Promotion.IF_BETTER,
    extend_labels: Annotated[
        bool, typer.Option("--extend-labels", help="Take intents and slots that the base does not know.")
    ] = False,
    similarity: Annotated[
        str | None,
        typer.Option(
            help="qa: the sentence encoder that finds neighbours; embedded, a hub id or a folder.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the plan and do nothing.")] = False,
    task: Task = DEFAULT_TASK,
    follow: Follow = True,
    url: Url = DEFAULT_URL,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Teach the service a language from a few labelled utterances or answered questions.

    Example: [bold]xmetra adapt es samples/mtod/es.few-shot.jsonl
    --evaluation samples/mtod/es.held-out.jsonl[/]
    """
    options: PlanOptions = {
        "task": task.value,
        "evaluation": evaluation,
        "method": method.value,
        "baselines": [name.value for name in baseline or ()] or None,
        "base": base,
        "hyperparameters": nested_settings(settings),
        "promote": promote.value,
        "extend_labels": extend_labels or None,
        "similarity": similarity,
    }
    with Client(url, key=key) as client:
        if dry_run:
            show_plan(client.plan(language, examples, **options), as_json=as_json)
        else:
            job = client.adapt(language, examples, **options)
            _after_acceptance(job, follow=follow, as_json=as_json)


def show_plan(answer: DryRun, *, as_json: bool) -> None:
    """Print what an adaptation would do."""
    if as_json:
        write_json(answer)
        return
    results().print(plan_table(answer.plan))
    if answer.plan.estimated_seconds is not None:
        results().print(f"about {answer.plan.estimated_seconds:.0f} seconds")
    warn([*answer.plan.warnings, *answer.checks.warnings])


def _after_acceptance(job: Job, *, follow: bool, as_json: bool) -> None:
    """Follow the job to its end, or tell how to."""
    console, accepted = messages(), job.accepted
    warn(accepted.checks.warnings)
    if not follow:
        if as_json:
            write_json(accepted)
        else:
            results().print(f"job {accepted.job_id} is {accepted.status.value}")
            console.print(f"watch it with: xmetra jobs watch {accepted.job_id}")
        return
    watch_to_the_end(job.client, job.job_id, as_json=as_json)


def nested_settings(assignments: list[str] | None) -> dict[str, Any] | None:
    """Turn ``["meta.inner_steps=3", "seed=7"]`` into ``{"meta": {"inner_steps": 3}, "seed": 7}``.

    Raises:
        UsageFault: One has no ``=``, or contradicts another.
    """
    nested: dict[str, Any] = {}
    for assignment in assignments or ():
        name, equals, value = assignment.partition("=")
        *path, leaf = name.split(".")
        inside = nested
        for key in path:
            inside = inside.setdefault(key, {}) if isinstance(inside, dict) else {}
        if not equals or not name or not isinstance(inside, dict):
            raise UsageFault(f"--set {assignment}: expected NAME=VALUE, such as meta.inner_steps=3")
        inside[leaf] = _value(value)
    return nested or None


def _value(text: str) -> Any:  # noqa: ANN401  whatever JSON can say
    """Read a number or a truth value; anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
