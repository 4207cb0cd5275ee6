"""Test the stages, starting points and results of each method."""

import pytest

from core.contracts.hyperparameters import MetaSettings, Schedule
from core.contracts.values import MTOD, Method
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from tests.core.pipeline.small_jobs import QUICK, adapt_job, only_base_id, put_dataset, run_job
from tests.core.tiny import spanish, texts_of

STAGES = {
    Method.MONO: ["fine-tune"],
    Method.FT: ["fine-tune"],
    Method.FT_EN: ["fine-tune with source"],
    Method.X_METRA: ["meta-train"],
    Method.X_METRA_ADA: ["meta-train", "meta-adapt"],
}


def stages_run(outcome: Outcome) -> list[str]:
    return list(dict.fromkeys(point.stage for point in outcome.report.curves))


@pytest.mark.parametrize("method", STAGES)
def test_method_runs_its_stages_and_stores_usable_checkpoint(method: Method, store: Store) -> None:
    outcome = run_job(adapt_job(store, only_base_id(store), method=method), store)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert stages_run(outcome) == STAGES[method]
    assert (manifest.method, outcome.report.result.name) == (method, method)
    predictor = Predictor.open(store, manifest)
    assert len(predictor.predict(texts_of(spanish()[:2]), top_k=1)) == 2


def test_mono_checkpoint_has_no_base(store: Store) -> None:
    outcome = run_job(adapt_job(store, only_base_id(store), method=Method.MONO), store)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    target = put_dataset(store, spanish(), "es")
    assert (manifest.base_id, manifest.languages) == (None, ("es",))
    assert manifest.dataset_ids == {"source": target, "target": target}


def test_adaptation_can_start_from_mono_checkpoint(store: Store) -> None:
    mono = run_job(adapt_job(store, only_base_id(store), method=Method.MONO), store)
    outcome = run_job(adapt_job(store, mono.checkpoint_id, method=Method.X_METRA_ADA, language="pt"), store)
    assert store.checkpoints.manifest(MTOD, outcome.checkpoint_id).languages == ("es", "pt")


def test_best_keeps_best_method_and_reports_others(store: Store) -> None:
    outcome = run_job(
        adapt_job(store, only_base_id(store), method=Method.BEST, baselines=(Method.MONO,)), store
    )
    report = outcome.report
    others = {
        candidate.name: candidate.evaluation.quality
        for candidate in report.baselines
        if candidate.name in set(Method)
    }
    assert {report.result.name, *others} == {"ft", "ft-en", "x-metra-ada", "mono"}
    assert report.result.evaluation.quality >= max(
        quality for name, quality in others.items() if name != "mono"
    )
    assert store.checkpoints.manifest(MTOD, outcome.checkpoint_id).method == report.result.name
    assert stages_run(outcome) == [
        "ft: fine-tune",
        "ft-en: fine-tune with source",
        "x-metra-ada: meta-train",
        "x-metra-ada: meta-adapt",
        "mono baseline: fine-tune",
    ]


def test_interleaved_schedule_has_one_stage(store: Store) -> None:
    meta = MetaSettings.model_validate(QUICK.meta.model_dump() | {"schedule": Schedule.INTERLEAVED})
    hyperparameters = QUICK.model_copy(update={"meta": meta})
    job = adapt_job(store, only_base_id(store), method=Method.X_METRA_ADA, hyperparameters=hyperparameters)
    assert stages_run(run_job(job, store)) == ["meta-train with meta-adapt"]
