"""Synthetic runs with given scores."""

from collections.abc import Sequence
from typing import Any

from core.contracts.evaluations import MtodEvaluation
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import AdaptPlan, Candidate, CurvePoint, PromotionDecision, Report, StagePlan
from core.contracts.values import MTOD, Method
from core.experiments.aggregation import comparisons_of, rows_of
from core.experiments.grid import Cell, Experiment
from core.experiments.records import BaseRun, ExperimentManifest, Failure, Run
from core.experiments.results import Results

SHA256 = "5" * 64


def scores(intent: float, slots: float = 0.5) -> MtodEvaluation:
    return MtodEvaluation(examples=10, intent_accuracy=intent, slot_f1=slots, exact_match=0.25)


def report(name: str, intent: float, **changes: Any) -> Report:
    fields: dict[str, Any] = {
        "data": {"train": 24, "evaluation": 10},
        "dataset_ids": {"target": SHA256},
        "result": Candidate(name=name, evaluation=scores(intent), train_seconds=12.0),
        "baselines": (Candidate(name="zero-shot base", evaluation=scores(0.3)),),
        "decision": PromotionDecision(promoted=False, reason="promotion was not wanted"),
        "verdict": "",
        "seed": 42,
        "versions": {"python": "3.11.9", "torch": "2.13.0"},
        "device": "cpu",
        "wall_seconds": 20.0,
        "peak_memory_bytes": 300 * 2**20,
    }
    return Report.model_validate(fields | changes)


def run(
    method: str, seed: int, intent: float, *, evaluation_dataset_id: str = "e", **cell_fields: Any
) -> Run:
    """Return a run.

    Args:
        method: Its method.
        seed: Its seed.
        intent: Its intent accuracy.
        evaluation_dataset_id: Id of its evaluation dataset.
        cell_fields: Further fields of its cell, and `stages` for the curves of its report.
    """
    stages = cell_fields.pop("stages", {})
    cell = Cell.model_validate({"language": "es", "method": method, "seed": seed} | cell_fields)
    job = AdaptJob(
        task=MTOD,
        language=cell.language,
        dataset_id="d",
        evaluation_dataset_id=evaluation_dataset_id,
        base_id="base",
        method=cell.method,
        hyperparameters=Hyperparameters(seed=seed),
    )
    return Run(cell=cell, job=job, report=report(method, intent, **curves(cell.method, stages)))


def curves(method: Method, stages: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the plan and the curves of stages, with a point per step."""
    plan = AdaptPlan(
        method=method,
        train=24,
        evaluation=10,
        stages=tuple(StagePlan(name=name, steps=len(points), examples=24) for name, points in stages.items()),
    )
    points = [
        CurvePoint(stage=name, step=step, metrics=metrics)
        for name, step_metrics in stages.items()
        for step, metrics in enumerate(step_metrics, start=1)
    ]
    return {"plan": plan, "curves": tuple(points)}


def base() -> BaseRun:
    job = PretrainJob(task=MTOD, source_language="en", dataset_id="s")
    return BaseRun(job=job, report=report("base", 0.9, baselines=()))


def results(runs: Sequence[Run], failures: Sequence[Failure] = (), **changes: Any) -> Results:
    """Return the aggregated results of runs."""
    fields: dict[str, Any] = {"task": "mtod", "languages": ("es",), "seeds": (42, 35)}
    table = rows_of(runs, base())
    return Results(
        manifest=ExperimentManifest(
            experiment=Experiment.model_validate(fields | changes),
            hyperparameters=Hyperparameters(),
            base_settings=PretrainSettings(),
            data={"mtod/en.jsonl": SHA256},
        ),
        base=base(),
        runs=tuple(runs),
        failures=tuple(failures),
        table=tuple(table),
        comparisons=tuple(comparisons_of(table)),
    )
