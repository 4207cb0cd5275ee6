"""Test the results of adaptations: checkpoint, report and deployment."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.checkpoints import read_full
from core.contracts.evaluations import MtodEvaluation
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import MTOD, Method, Promotion
from core.errors import CorruptArtifact, JobCancelled, NotFound
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from core.tasks.mtod.data_split import MtodDataSplitter
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.engine import MtodEngine
from core.tasks.mtod.features import Batch, Features
from core.tasks.mtod.learner import MtodLearner
from tests.core.pipeline.small_jobs import (
    IDLE,
    QUICK,
    adapt_job,
    files_in,
    only_base_id,
    progress_events,
    put_dataset,
    run_job,
)
from tests.core.tiny import read_mtod, spanish, texts_of, utterance
from tests.core.training.toys import stopping_at

META: dict[str, Any] = {"method": Method.X_METRA_ADA, "baselines": (Method.FT,)}


@pytest.fixture(scope="module")
def adaptation(store_with_base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """An adaptation by X-METRA-ADA with plain fine-tuning as baseline, and the folder of its store."""
    folder = tmp_path_factory.mktemp("adapted")
    shutil.copytree(store_with_base, folder, dirs_exist_ok=True)
    store = Store(str(folder))
    return folder, run_job(adapt_job(store, only_base_id(store), **META), store)


@pytest.fixture
def adapted(adaptation: tuple[Path, Outcome], store_folder: Path) -> Outcome:
    """The outcome of that adaptation, with its files copied to the store of this test."""
    folder, outcome = adaptation
    shutil.copytree(folder, store_folder, dirs_exist_ok=True)
    return outcome


def manifest_of(store: Store, outcome: Outcome) -> CheckpointManifest:
    return store.checkpoints.manifest(MTOD, outcome.checkpoint_id)


def learner_of(store: Store, outcome: Outcome) -> MtodLearner:
    folder = store.checkpoints.fetch(MTOD, outcome.checkpoint_id)
    return read_mtod(folder, manifest_of(store, outcome))


def deployed_id(store: Store) -> str | None:
    deployment = store.deployments.live(MTOD, "es")
    return deployment.checkpoint_id if deployment else None


def test_checkpoint_manifest_describes_adaptation(store: Store, adapted: Outcome) -> None:
    manifest = manifest_of(store, adapted)
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    assert (manifest.method, manifest.languages) == ("x-metra-ada", ("en", "es"))
    assert manifest.base_id == base.checkpoint_id
    assert manifest.dataset_ids == {
        "source": base.dataset_ids["source"],
        "target": put_dataset(store, spanish(), "es"),
    }
    assert (manifest.intents, manifest.slots) == (base.intents, base.slots)
    assert manifest.seconds_per_example is not None


def test_scores_are_those_of_stored_weights_on_held_out_examples(store: Store, adapted: Outcome) -> None:
    job = adapt_job(store, only_base_id(store))
    evaluation = (
        MtodDataSplitter().split(spanish(), None, fraction=0.25, seed=job.hyperparameters.seed).evaluation
    )
    second = MtodEngine().measure(learner_of(store, adapted), evaluation).evaluation
    assert second == adapted.report.result.evaluation == manifest_of(store, adapted).evaluation


def test_predictor_matches_learner(store: Store, adapted: Outcome) -> None:
    texts = texts_of(spanish())
    predictor = Predictor.open(store, manifest_of(store, adapted))
    learner = learner_of(store, adapted)
    assert predictor.predict(texts) == answer(learner, learner.featurizer.texts(texts), top_k=3)


def test_predictor_raises_when_weights_were_changed(
    store: Store, store_folder: Path, adapted: Outcome
) -> None:
    manifest = manifest_of(store, adapted)
    weights = store_folder / "checkpoints" / "mtod" / adapted.checkpoint_id / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors"):
        Predictor.open(store, manifest)


def test_read_full_raises_for_manifest_of_other_checkpoint(store: Store, adapted: Outcome) -> None:
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    with pytest.raises(CorruptArtifact, match="is not the file that was written"):
        read_full(store.checkpoints.fetch(MTOD, adapted.checkpoint_id), base)


def test_report_is_complete(adapted: Outcome) -> None:
    report = adapted.report
    assert report.data == {
        "train": 18,
        "evaluation": 6,
        "meta_train_pool": 18,
        "meta_adapt_pool": 18,
        "source_pool": 30,
    }
    assert report.plan is not None
    assert [stage.name for stage in report.plan.stages] == ["meta-train", "meta-adapt"]
    assert report.plan.estimated_seconds is not None
    assert report.result.name == "x-metra-ada"
    assert report.result.checkpoint_id == adapted.checkpoint_id
    assert [candidate.name for candidate in report.baselines] == ["zero-shot base", "ft"]
    assert all(candidate.evaluation.examples == 6 for candidate in (report.result, *report.baselines))
    assert {point.stage for point in report.curves} == {"meta-train", "meta-adapt", "ft baseline: fine-tune"}
    assert report.verdict.count("x-metra-ada is ") == 2
    assert report.warnings == report.plan.warnings
    assert (report.seed, report.device) == (42, "cpu")
    assert min(report.wall_seconds, report.peak_memory_bytes, report.result.train_seconds) > 0


def test_adaptation_better_than_zero_shot_is_deployed(store: Store, adapted: Outcome) -> None:
    zero_shot = adapted.report.baselines[0].evaluation
    assert adapted.report.result.evaluation.quality > zero_shot.quality
    assert adapted.report.decision.promoted
    assert deployed_id(store) == adapted.checkpoint_id


def test_worse_adaptation_does_not_replace_deployment(store: Store) -> None:
    base = only_base_id(store)
    first = run_job(adapt_job(store, base), store)
    second = run_job(adapt_job(store, base, hyperparameters=IDLE), store)
    assert first.report.decision.promoted
    assert not second.report.decision.promoted
    assert deployed_id(store) == first.checkpoint_id
    assert [deployment.number for deployment in store.deployments.history(MTOD, "es")] == [1]
    rival = second.report.baselines[1]
    assert (rival.name, rival.checkpoint_id) == ("the checkpoint that serves now", first.checkpoint_id)
    assert rival.evaluation == first.report.result.evaluation


def test_equal_adaptation_does_not_replace_deployment(store: Store, one_thread: None) -> None:
    job = adapt_job(store, only_base_id(store))
    first, second = run_job(job, store), run_job(job, store)
    zero_shot, incumbent = (candidate.evaluation.quality for candidate in second.report.baselines)
    assert zero_shot < second.report.result.evaluation.quality == incumbent
    assert not second.report.decision.promoted
    assert deployed_id(store) == first.checkpoint_id


def test_damaged_incumbent_is_replaced(store: Store, store_folder: Path, adapted: Outcome) -> None:
    weights = store_folder / "checkpoints" / "mtod" / adapted.checkpoint_id / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    second = run_job(adapt_job(store, only_base_id(store)), store)
    assert any("cannot be loaded" in warning for warning in second.report.warnings)
    assert [candidate.name for candidate in second.report.baselines] == ["zero-shot base"]
    assert second.report.decision.promoted
    assert deployed_id(store) == second.checkpoint_id


def test_adaptation_without_gain_is_not_deployed(store: Store) -> None:
    outcome = run_job(adapt_job(store, only_base_id(store), hyperparameters=IDLE), store)
    assert not outcome.report.decision.promoted
    assert deployed_id(store) is None
    assert manifest_of(store, outcome).checkpoint_id == outcome.checkpoint_id


@pytest.mark.parametrize(("promote", "serves"), [(Promotion.ALWAYS, True), (Promotion.NEVER, False)])
def test_promote_policy_overrides_comparison(promote: Promotion, serves: bool, store: Store) -> None:
    job = adapt_job(store, only_base_id(store), hyperparameters=IDLE, promote=promote)
    outcome = run_job(job, store)
    assert (deployed_id(store) == outcome.checkpoint_id) is serves


def test_baseline_equal_to_method_is_skipped(store: Store) -> None:
    job = adapt_job(store, only_base_id(store), baselines=(Method.FT, Method.FT))
    assert [candidate.name for candidate in run_job(job, store).report.baselines] == ["zero-shot base"]


@pytest.mark.parametrize("method", Method)
def test_held_out_examples_are_not_trained_on(
    method: Method, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts_in_training: set[str] = set()
    original = MtodLearner.batch

    def recording_batch(learner: MtodLearner, features: Sequence[Features]) -> Batch:
        if learner.model.training:
            texts_in_training.update(example.text for example in features)
        return original(learner, features)

    monkeypatch.setattr(MtodLearner, "batch", recording_batch)
    job = adapt_job(store, only_base_id(store), method=method)
    run_job(job, store)
    split = MtodDataSplitter().split(spanish(), None, fraction=0.25, seed=job.hyperparameters.seed)
    target = set(texts_of(spanish()))
    assert texts_in_training & target == {example.text for example in split.train}
    assert not texts_in_training & {example.text for example in split.evaluation}


def test_evaluation_dataset_is_used(store: Store) -> None:
    evaluation = put_dataset(store, spanish()[::4], "es")
    rest = put_dataset(store, [example for example in spanish() if example not in spanish()[::4]], "es")
    job = adapt_job(store, only_base_id(store), dataset_id=rest, evaluation_dataset_id=evaluation)
    outcome = run_job(job, store)
    assert (outcome.report.data["train"], outcome.report.data["evaluation"]) == (18, 6)
    assert manifest_of(store, outcome).dataset_ids["evaluation"] == evaluation


def examples_with_new_label() -> list[MtodExample]:
    games = ("chess", "go", "cards", "tag", "dice", "darts", "polo", "golf")
    return [*spanish(), *(utterance("juega al {game}", "play_game", game=game) for game in games)]


def test_new_labels_are_learnt_with_extend_labels(store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    dataset = put_dataset(store, examples_with_new_label(), "es")
    thorough = QUICK.fine_tune.model_copy(update={"epochs": 20})
    job = adapt_job(
        store,
        base.checkpoint_id,
        dataset_id=dataset,
        extend_labels=True,
        method=Method.X_METRA_ADA,
        hyperparameters=QUICK.model_copy(update={"fine_tune": thorough}),
    )
    outcome = run_job(job, store)
    manifest = manifest_of(store, outcome)
    assert manifest.intents == (*base.intents, "play_game")
    assert manifest.slots == (*base.slots, "game")
    assert outcome.report.plan is not None
    assert [stage.name for stage in outcome.report.plan.stages] == [
        "fine-tune",
        "meta-train",
        "meta-adapt",
    ]
    evaluation = outcome.report.result.evaluation
    assert isinstance(evaluation, MtodEvaluation)
    assert evaluation.intents["play_game"].f1 > 0
    assert learner_of(store, outcome).labels.intents == manifest.intents


def test_labels_are_unchanged_without_extend_labels(store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base_id(store))
    dataset = put_dataset(store, examples_with_new_label(), "es")
    outcome = run_job(adapt_job(store, base.checkpoint_id, dataset_id=dataset), store)
    assert manifest_of(store, outcome).intents == base.intents
    evaluation = outcome.report.result.evaluation
    assert isinstance(evaluation, MtodEvaluation)
    assert evaluation.intents["play_game"].f1 == 0


def test_adaptation_can_start_from_adapted_language(store: Store, adapted: Outcome) -> None:
    job = adapt_job(
        store, adapted.checkpoint_id, language="ca", dataset_id=put_dataset(store, spanish(), "ca")
    )
    manifest = manifest_of(store, run_job(job, store))
    assert manifest.languages == ("en", "es", "ca")
    assert manifest.base_id == adapted.checkpoint_id


def test_progress_is_monotonic_and_ends_at_100_percent(store: Store) -> None:
    events = progress_events(adapt_job(store, only_base_id(store), **META), store)
    percents = [event.percent for event in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    assert list(dict.fromkeys(event.stage for event in events)) == [
        "measure zero-shot base",
        "meta-train",
        "meta-adapt",
        "measure x-metra-ada",
        "ft baseline: fine-tune",
        "ft baseline: measure ft",
    ]


@pytest.mark.parametrize(
    ("stage", "step"),
    [
        ("measure zero-shot base", 0),
        ("meta-train", 3),
        ("meta-adapt", 4),
        ("measure x-metra-ada", 1),
        ("ft baseline: fine-tune", 2),
        ("ft baseline: measure ft", 1),
    ],
)
def test_cancelled_job_leaves_no_files(stage: str, step: int, store: Store, store_folder: Path) -> None:
    job = adapt_job(store, only_base_id(store), promote=Promotion.ALWAYS, **META)
    before = files_in(store_folder)
    with pytest.raises(JobCancelled):
        run_job(job, store, stopping_at(stage, step))
    assert files_in(store_folder) == before


@pytest.mark.parametrize("field", ["dataset_id", "evaluation_dataset_id", "base_id"])
def test_adapt_raises_when_artifact_is_missing(field: str, store: Store) -> None:
    job = adapt_job(store, only_base_id(store)).model_copy(update={field: "missing"})
    with pytest.raises(NotFound, match="'missing'"):
        run_job(job, store)


def test_adaptation_without_keep_stores_no_checkpoint(store: Store, store_folder: Path) -> None:
    before = files_in(store_folder / "checkpoints")
    outcome = run_job(adapt_job(store, only_base_id(store), keep=False, promote=Promotion.NEVER), store)
    assert files_in(store_folder / "checkpoints") == before
    assert outcome.report.result.checkpoint_id is None
    assert outcome.report.result.evaluation.examples == 6
    with pytest.raises(ValueError, match="kept no checkpoint"):
        _ = outcome.checkpoint_id


def test_job_rejects_promotion_without_keep(store: Store) -> None:
    with pytest.raises(ValidationError, match="cannot serve: promote must be never"):
        adapt_job(store, only_base_id(store), keep=False)
