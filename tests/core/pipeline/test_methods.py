"""What each method starts from, learns from, and leaves."""

import pytest

from core.contracts.hyperparameters import MetaSettings, Schedule
from core.contracts.values import Method
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from tests.core.pipeline.workshop import MTOD, QUICK, adapt_job, done, only_base, put
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
def test_a_method_runs_its_stages_and_leaves_a_checkpoint_that_answers(method: Method, store: Store) -> None:
    outcome = done(adapt_job(store, only_base(store), method=method), store)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert stages_run(outcome) == STAGES[method]
    assert (manifest.method, outcome.report.result.name) == (method, method)
    predictor = Predictor.open(store, manifest)
    assert len(predictor.predict(texts_of(spanish()[:2]), top_k=1)) == 2


def test_mono_knows_nothing_of_the_base(store: Store) -> None:
    outcome = done(adapt_job(store, only_base(store), method=Method.MONO), store)
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    target = put(store, spanish(), "es")
    assert (manifest.base_id, manifest.languages) == (None, ("es",))
    assert manifest.dataset_ids == {"source": target, "target": target}


def test_a_language_can_be_adapted_from_what_mono_made(store: Store) -> None:
    mono = done(adapt_job(store, only_base(store), method=Method.MONO), store)
    outcome = done(adapt_job(store, mono.checkpoint_id, method=Method.X_METRA_ADA, language="pt"), store)
    assert store.checkpoints.manifest(MTOD, outcome.checkpoint_id).languages == ("es", "pt")


def test_the_best_of_three_is_kept_and_the_others_are_told_beside_it(store: Store) -> None:
    outcome = done(adapt_job(store, only_base(store), method=Method.BEST, baselines=(Method.MONO,)), store)
    report = outcome.report
    others = {one.name: one.evaluation.quality for one in report.baselines if one.name in set(Method)}
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


def test_interleaved_stages_are_trained_as_one(store: Store) -> None:
    meta = MetaSettings.model_validate(QUICK.meta.model_dump() | {"schedule": Schedule.INTERLEAVED})
    hyperparameters = QUICK.model_copy(update={"meta": meta})
    job = adapt_job(store, only_base(store), method=Method.X_METRA_ADA, hyperparameters=hyperparameters)
    assert stages_run(done(job, store)) == ["meta-train with meta-adapt"]
