"""Tables and lines for predictions, scores, reports, plans and jobs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.cli.rendering.console import replace_control_characters
from core.contracts.evaluations import AnyEvaluation, Evaluation, MtodEvaluation
from xmetra_client import FINAL_STATUSES
from xmetra_client.models import (
    AdaptPlan,
    Calibrated,
    Candidate,
    JobView,
    MtodPrediction,
    PredictedSlot,
    Report,
)

STATUS_STYLES = {
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "cancelling": "yellow",
    "running": "cyan",
    "queued": "dim",
}
MAX_LABELS = 40
"""Intents, and slots, of an evaluation table."""


def percent(rate: float) -> str:
    """Return a rate from 0 to 1 in per cent: 0.9857 → ``98.6 %``."""
    return f"{100 * rate:.1f} %"


def headline(evaluation: BaseModel) -> dict[str, float]:
    """Return the main metrics of an evaluation that the service returned, name → rate from 0 to 1."""
    parsed: Evaluation = TypeAdapter(AnyEvaluation).validate_python(evaluation.model_dump())
    return parsed.headline


def slot_markup(text: str, slots: Iterable[PredictedSlot]) -> Text:
    """Return an utterance with its slots in brackets: ``pon una alarma [para las 7 · datetime]``.

    Args:
        text: The utterance.
        slots: Its slots, ordered and without overlaps.
    """
    markup = Text()
    position = 0
    for slot in slots:
        markup.append(replace_control_characters(text[position : slot.start]))
        markup.append("[", style="bold cyan")
        markup.append(replace_control_characters(text[slot.start : slot.end]), style="bold cyan")
        markup.append(f" · {replace_control_characters(slot.slot)}", style="cyan")
        markup.append("]", style="bold cyan")
        position = slot.end
    markup.append(replace_control_characters(text[position:]))
    return markup


def predictions_table(
    predictions: Sequence[MtodPrediction], *, correct: Sequence[bool] | None = None
) -> Table:
    """Return a table with a row for each utterance: intent, confidence, and the text with its slots.

    Args:
        predictions: The predictions.
        correct: Whether each prediction is correct; None if the gold labels are unknown.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    if correct is not None:
        table.add_column("correct")
    table.add_column("intent", style="green", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column("utterance", overflow="fold")
    for index, prediction in enumerate(predictions):
        text = slot_markup(prediction.text, prediction.slots)
        if not prediction.adapted:
            text.append("  (zero-shot)", style="yellow")
        intent = prediction.intent
        mark = [] if correct is None else ["yes" if correct[index] else "[red]no[/]"]
        table.add_row(*mark, _literal(intent.name), percent(intent.confidence), text)
    return table


def documents_table(documents: Sequence[Mapping[str, Any]]) -> Table:
    """Return a generic table for predictions of any task: a row for each, a column for each field."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [name for name in dict.fromkeys(name for row in documents for name in row) if name != "id"]
    for name in columns:
        table.add_column(_literal(name))
    for row in documents:
        table.add_row(*(_cell(row.get(name)) for name in columns))
    return table


def _cell(value: object) -> Text:
    """Return a value for a cell: strings unchanged, other values as JSON."""
    return _literal(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _literal(text: str) -> Text:
    """Return a text of the service that is neither markup nor a command to the terminal."""
    return Text(replace_control_characters(text))


def scores_table(candidates: Sequence[Candidate]) -> Table:
    """Return a table that compares models, the last one in bold.

    Args:
        candidates: At least one model, all of the same task; the result of the job last.
    """
    table = Table(header_style="bold")
    table.add_column("model")
    for heading in (*headline(candidates[0].evaluation), "trained in"):
        table.add_column(heading, justify="right", no_wrap=True)
    for index, candidate in enumerate(candidates):
        table.add_row(*_score_cells(candidate), style="bold" if index == len(candidates) - 1 else "")
    return table


def _score_cells(candidate: Candidate) -> tuple[str, ...]:
    """Return a model's name, its scores, and its training time if the job trained it."""
    seconds = f"{candidate.train_seconds:.0f} s" if candidate.train_seconds else ""
    return escape(candidate.name), *map(percent, headline(candidate.evaluation).values()), seconds


def report_candidates(report: Report) -> list[Candidate]:
    """Return the models that a report compares: the baselines, then the result."""
    return [*report.baselines, report.result]


def decision_line(report: Report) -> str:
    """Return whether the new model was promoted, and the reason, as markup."""
    decision = report.decision
    mark = "[green]promoted[/]" if decision.promoted else "[yellow]not promoted[/]"
    return f"{mark}: {escape(decision.reason)}"


def calibration_line(report: Report) -> str | None:
    """Return the calibration of the new model's confidences as markup; None if it was not measured."""
    calibration = report.result.calibration
    if calibration is None:
        return None
    intents, slots = calibration.intents, calibration.slots
    if intents.note and intents == slots:  # both lack examples, for the same reason
        return f"confidence: not calibrated ({escape(intents.note)})"
    return f"confidence: intents {_calibrated(intents)}; slots {_calibrated(slots)}"


def _calibrated(calibrated: Calibrated) -> str:
    """Return the calibration error of one kind of confidence before and after, or why there is none."""
    note = f", {escape(calibrated.note)}" if calibrated.note else ""
    if calibrated.ece_before is None or calibrated.ece_after is None:
        return f"at temperature {calibrated.temperature:.2f}{note}"
    errors = f"off by {percent(calibrated.ece_before)}, calibrated {percent(calibrated.ece_after)}"
    sample = f"{calibrated.examples} held-out utterances"
    return f"{errors} (temperature {calibrated.temperature:.2f}, {sample}{note})"


def evaluation_table(evaluation: MtodEvaluation) -> Table:
    """Return a table of the scores of intents and slots, lowest F1 first, at most ``MAX_LABELS`` of each."""
    table = Table(header_style="bold")
    table.add_column("kind", style="dim")
    table.add_column("label", overflow="fold")
    for heading in ("precision", "recall", "F1", "examples"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, scores in (("intent", evaluation.intents), ("slot", evaluation.slots)):
        weakest = sorted(scores.items(), key=lambda item: (item[1].f1, item[0]))
        for label, score in weakest[:MAX_LABELS]:
            rates = (score.precision, score.recall, score.f1)
            table.add_row(kind, escape(label), *map(percent, rates), str(score.support))
    return table


def plan_table(plan: AdaptPlan) -> Table:
    """Return a table of the stages of an adaptation."""
    title = f"{plan.method}: {plan.train} training examples, {plan.evaluation} held out"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("stage")
    for heading in ("steps", "examples", "episodes", "k", "q"):
        table.add_column(heading, justify="right")
    for stage in plan.stages:
        numbers = (stage.steps, stage.examples, stage.episodes, stage.k_shot, stage.q_shot)
        table.add_row(escape(stage.name), *(str(number) if number else "" for number in numbers))
    return table


def jobs_table(jobs: Iterable[JobView]) -> Table:
    """Return a table with a row for each job."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("job", "kind", "task", "language", "status", "created", "progress"):
        table.add_column(heading, no_wrap=heading != "progress")
    for job in jobs:
        status = f"[{STATUS_STYLES.get(job.status, 'dim')}]{job.status}[/]"
        created = job.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        progress = f"{job.progress.percent:.0f} %"
        if job.status not in FINAL_STATUSES:
            progress += f" {escape(job.progress.stage)}"
        table.add_row(job.job_id, job.kind, job.task, job.language, status, created, progress)
    return table
