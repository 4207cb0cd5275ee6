"""How things look: tables, verdicts, and utterances with their slots marked."""

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from app.cli.rendering.console import harmless
from core.contracts.calibrations import Calibrated
from core.contracts.evaluations import MtodEvaluation
from core.contracts.jobs import JobRecord, JobStatus
from core.contracts.predictions import MtodPrediction, PredictedSlot
from core.contracts.reports import AdaptPlan, Candidate, Report

STATUS_STYLES = {
    JobStatus.SUCCEEDED: "green",
    JobStatus.FAILED: "red",
    JobStatus.CANCELLED: "yellow",
    JobStatus.CANCELLING: "yellow",
    JobStatus.RUNNING: "cyan",
    JobStatus.QUEUED: "dim",
}
LABELS_SHOWN = 40


def percent(rate: float) -> str:
    """Return a rate between 0 and 1 as people read it: 0.9857 → 98.6 %."""
    return f"{100 * rate:.1f} %"


def marked_text(text: str, slots: Iterable[PredictedSlot]) -> Text:
    """Return the utterance with each slot in brackets, named: ``pon una alarma [para las 7 · datetime]``."""
    marked = Text()
    position = 0
    for slot in slots:
        marked.append(harmless(text[position : slot.start]))
        marked.append("[", style="bold cyan")
        marked.append(harmless(text[slot.start : slot.end]), style="bold cyan")
        marked.append(f" · {harmless(slot.slot)}", style="cyan")
        marked.append("]", style="bold cyan")
        position = slot.end
    marked.append(harmless(text[position:]))
    return marked


def predictions_table(predictions: Sequence[MtodPrediction], *, right: Sequence[bool] | None = None) -> Table:
    """Return a line for each utterance: its intent, how sure the model is, and the marked text.

    Args:
        predictions: What the service answered.
        right: Whether each is right, where that is known.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    if right is not None:
        table.add_column("right")
    table.add_column("intent", style="green", no_wrap=True)
    table.add_column("sure", justify="right", no_wrap=True)
    table.add_column("utterance", overflow="fold")
    for index, prediction in enumerate(predictions):
        text = marked_text(prediction.text, prediction.slots)
        if not prediction.adapted:
            text.append("  (zero-shot)", style="yellow")
        intent = prediction.intent
        verdict = [] if right is None else ["yes" if right[index] else "[red]no[/]"]
        table.add_row(*verdict, harmless(intent.name), percent(intent.confidence), text)
    return table


def scores_table(candidates: Sequence[Candidate]) -> Table:
    """Return the models side by side, the last one being the one that was made.

    Args:
        candidates: At least one, all of one task.
    """
    table = Table(header_style="bold")
    table.add_column("model")
    for heading in (*candidates[0].evaluation.headline, "trained in"):
        table.add_column(heading, justify="right", no_wrap=True)
    for index, candidate in enumerate(candidates):
        table.add_row(*_score_cells(candidate), style="bold" if index == len(candidates) - 1 else "")
    return table


def _score_cells(candidate: Candidate) -> tuple[str, ...]:
    """Return one model's cells; a model that was not trained here took no time."""
    seconds = f"{candidate.train_seconds:.0f} s" if candidate.train_seconds else ""
    return escape(candidate.name), *map(percent, candidate.evaluation.headline.values()), seconds


def report_candidates(report: Report) -> list[Candidate]:
    """Return what the report compares: the baselines, then the result."""
    return [*report.baselines, report.result]


def decision_line(report: Report) -> str:
    """Return what became of the new model, as markup."""
    decision = report.decision
    mark = "[green]promoted[/]" if decision.promoted else "[yellow]not promoted[/]"
    return f"{mark}: {escape(decision.reason)}"


def calibration_line(report: Report) -> str | None:
    """Return what the confidences of the new model are worth, as markup; None where nothing is known."""
    calibration = report.result.calibration
    if calibration is None:
        return None
    intents, slots = calibration.intents, calibration.slots
    if intents.note and intents == slots:  # both for the same lack
        return f"confidence: as the model has it ({escape(intents.note)})"
    return f"confidence: intents {_calibrated(intents)}; slots {_calibrated(slots)}"


def _calibrated(found: Calibrated) -> str:
    """Return the error of one kind of confidence before and after, or why there is none."""
    note = f", {escape(found.note)}" if found.note else ""
    if found.ece_before is None or found.ece_after is None:
        return f"at temperature {found.temperature:.2f}{note}"
    errors = f"off by {percent(found.ece_before)}, calibrated {percent(found.ece_after)}"
    return f"{errors} (temperature {found.temperature:.2f}, {found.examples} held-out utterances{note})"


def evaluation_table(evaluation: MtodEvaluation) -> Table:
    """Return the scores of every intent and slot, the weakest first."""
    table = Table(header_style="bold")
    table.add_column("kind", style="dim")
    table.add_column("label", overflow="fold")
    for heading in ("precision", "recall", "F1", "examples"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, scores in (("intent", evaluation.intents), ("slot", evaluation.slots)):
        weakest = sorted(scores.items(), key=lambda item: (item[1].f1, item[0]))
        for label, score in weakest[:LABELS_SHOWN]:
            rates = (score.precision, score.recall, score.f1)
            table.add_row(kind, escape(label), *map(percent, rates), str(score.support))
    return table


def plan_table(plan: AdaptPlan) -> Table:
    """Return the stages of an adaptation."""
    title = f"{plan.method.value}: {plan.train} examples to learn from, {plan.evaluation} held out"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("stage")
    for heading in ("steps", "examples", "episodes", "k", "q"):
        table.add_column(heading, justify="right")
    for stage in plan.stages:
        numbers = (stage.steps, stage.examples, stage.episodes, stage.k_shot, stage.q_shot)
        table.add_row(escape(stage.name), *(str(number) if number else "" for number in numbers))
    return table


def jobs_table(jobs: Iterable[JobRecord]) -> Table:
    """Return a line for each job."""
    table = Table(header_style="bold", box=None, pad_edge=False)
    for heading in ("job", "kind", "task", "language", "status", "made", "progress"):
        table.add_column(heading, no_wrap=heading != "progress")
    for job in jobs:
        status = f"[{STATUS_STYLES[job.status]}]{job.status.value}[/]"
        made = job.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
        progress = f"{job.progress.percent:.0f} %"
        if not job.status.is_final:
            progress += f" {escape(job.progress.stage)}"
        what = (job.kind.value, job.task.value, job.language)
        table.add_row(job.job_id, *what, status, made, progress)
    return table
