"""What an adaptation leaves: a checkpoint, a report, and a deployment where it earned one."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from core.checkpoints import read_whole
from core.contracts.evaluations import MtodEvaluation
from core.contracts.examples import MtodExample
from core.contracts.reports import CheckpointManifest
from core.contracts.values import Method, Promotion
from core.errors import CorruptArtifact, JobCancelled, NotFound
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from core.tasks.mtod.data_split import MtodDataSplitter
from core.tasks.mtod.decoding import answer
from core.tasks.mtod.engine import MtodTask
from core.tasks.mtod.features import Batch, Features
from core.tasks.mtod.learner import MtodLearner
from tests.core.pipeline.workshop import (
    IDLE,
    MTOD,
    QUICK,
    adapt_job,
    done,
    files_in,
    only_base,
    put,
    told_by,
)
from tests.core.tiny import read_mtod, spanish, texts_of, utterance
from tests.core.training.toys import stopping_at

META: dict[str, Any] = {"method": Method.X_METRA_ADA, "baselines": (Method.FT,)}


@pytest.fixture(scope="module")
def adapted_once(store_with_base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """X-METRA-ADA beside plain fine-tuning, and the store it was done in."""
    folder = tmp_path_factory.mktemp("adapted")
    shutil.copytree(store_with_base, folder, dirs_exist_ok=True)
    store = Store(str(folder))
    return folder, done(adapt_job(store, only_base(store), **META), store)


@pytest.fixture
def adapted(adapted_once: tuple[Path, Outcome], store_folder: Path) -> Outcome:
    """What was left by that adaptation, brought into this test's own store."""
    folder, outcome = adapted_once
    shutil.copytree(folder, store_folder, dirs_exist_ok=True)
    return outcome


def manifest_of(store: Store, outcome: Outcome) -> CheckpointManifest:
    return store.checkpoints.manifest(MTOD, outcome.checkpoint_id)


def learner_of(store: Store, outcome: Outcome) -> MtodLearner:
    folder = store.checkpoints.fetch(MTOD, outcome.checkpoint_id)
    return read_mtod(folder, manifest_of(store, outcome))


def serving(store: Store) -> str | None:
    live = store.deployments.live(MTOD, "es")
    return live.checkpoint_id if live else None


def test_the_checkpoint_says_what_it_is_and_where_it_came_from(store: Store, adapted: Outcome) -> None:
    manifest = manifest_of(store, adapted)
    base = store.checkpoints.manifest(MTOD, only_base(store))
    assert (manifest.method, manifest.languages) == ("x-metra-ada", ("en", "es"))
    assert manifest.base_id == base.checkpoint_id
    assert manifest.dataset_ids == {
        "source": base.dataset_ids["source"],
        "target": put(store, spanish(), "es"),
    }
    assert (manifest.intents, manifest.slots) == (base.intents, base.slots)
    assert manifest.seconds_per_example is not None


def test_the_scores_are_those_of_the_stored_weights_on_what_was_held_out(
    store: Store, adapted: Outcome
) -> None:
    job = adapt_job(store, only_base(store))
    held = MtodDataSplitter().split(spanish(), None, fraction=0.25, seed=job.hyperparameters.seed).evaluation
    again = MtodTask().measure(learner_of(store, adapted), held).evaluation
    assert again == adapted.report.result.evaluation == manifest_of(store, adapted).evaluation


def test_a_predictor_answers_as_the_learner_does(store: Store, adapted: Outcome) -> None:
    texts = texts_of(spanish())
    predictor = Predictor.open(store, manifest_of(store, adapted))
    learner = learner_of(store, adapted)
    assert predictor.predict(texts) == answer(learner, learner.featurizer.texts(texts), top_k=3)


def test_a_tampered_checkpoint_is_not_loaded(store: Store, store_folder: Path, adapted: Outcome) -> None:
    manifest = manifest_of(store, adapted)
    weights = store_folder / "checkpoints" / "mtod" / adapted.checkpoint_id / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(CorruptArtifact, match=r"model\.safetensors"):
        Predictor.open(store, manifest)


def test_a_manifest_that_was_exchanged_is_not_believed(store: Store, adapted: Outcome) -> None:
    base = store.checkpoints.manifest(MTOD, only_base(store))
    with pytest.raises(CorruptArtifact, match="is not the file that was written"):
        read_whole(store.checkpoints.fetch(MTOD, adapted.checkpoint_id), base)


def test_the_report_is_complete(adapted: Outcome) -> None:
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
    assert [one.name for one in report.baselines] == ["zero-shot base", "ft"]
    assert all(one.evaluation.examples == 6 for one in (report.result, *report.baselines))
    assert {point.stage for point in report.curves} == {"meta-train", "meta-adapt", "ft baseline: fine-tune"}
    assert report.verdict.count("x-metra-ada is ") == 2
    assert report.warnings == report.plan.warnings
    assert (report.seed, report.device) == (42, "cpu")
    assert min(report.wall_seconds, report.peak_memory_bytes, report.result.train_seconds) > 0


def test_a_language_learnt_better_than_zero_shot_serves(store: Store, adapted: Outcome) -> None:
    zero_shot = adapted.report.baselines[0].evaluation
    assert adapted.report.result.evaluation.quality > zero_shot.quality
    assert adapted.report.decision.promoted
    assert serving(store) == adapted.checkpoint_id


def test_a_worse_second_adaptation_does_not_replace_the_first(store: Store) -> None:
    base = only_base(store)
    first = done(adapt_job(store, base), store)
    second = done(adapt_job(store, base, hyperparameters=IDLE), store)
    assert first.report.decision.promoted
    assert not second.report.decision.promoted
    assert serving(store) == first.checkpoint_id
    assert [one.number for one in store.deployments.history(MTOD, "es")] == [1]
    rival = second.report.baselines[1]
    assert (rival.name, rival.checkpoint_id) == ("the checkpoint that serves now", first.checkpoint_id)
    assert rival.evaluation == first.report.result.evaluation


def test_the_same_adaptation_again_does_not_replace_the_first(store: Store, one_thread: None) -> None:
    job = adapt_job(store, only_base(store))
    first, second = done(job, store), done(job, store)
    zero_shot, incumbent = (one.evaluation.quality for one in second.report.baselines)
    assert zero_shot < second.report.result.evaluation.quality == incumbent
    assert not second.report.decision.promoted
    assert serving(store) == first.checkpoint_id


def test_a_damaged_checkpoint_does_not_stand_in_the_way_of_its_successor(
    store: Store, store_folder: Path, adapted: Outcome
) -> None:
    weights = store_folder / "checkpoints" / "mtod" / adapted.checkpoint_id / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    again = done(adapt_job(store, only_base(store)), store)
    assert any("cannot be loaded" in warning for warning in again.report.warnings)
    assert [one.name for one in again.report.baselines] == ["zero-shot base"]
    assert again.report.decision.promoted
    assert serving(store) == again.checkpoint_id


def test_a_language_that_gained_nothing_goes_on_being_served_by_the_base(store: Store) -> None:
    outcome = done(adapt_job(store, only_base(store), hyperparameters=IDLE), store)
    assert not outcome.report.decision.promoted
    assert serving(store) is None
    assert manifest_of(store, outcome).checkpoint_id == outcome.checkpoint_id


@pytest.mark.parametrize(("promote", "serves"), [(Promotion.ALWAYS, True), (Promotion.NEVER, False)])
def test_the_user_may_decide_what_serves(promote: Promotion, serves: bool, store: Store) -> None:
    job = adapt_job(store, only_base(store), hyperparameters=IDLE, promote=promote)
    outcome = done(job, store)
    assert (serving(store) == outcome.checkpoint_id) is serves


def test_a_baseline_that_is_the_method_itself_is_not_trained_twice(store: Store) -> None:
    job = adapt_job(store, only_base(store), baselines=(Method.FT, Method.FT))
    assert [one.name for one in done(job, store).report.baselines] == ["zero-shot base"]


@pytest.mark.parametrize("method", Method)
def test_nothing_that_was_held_out_is_trained_on(
    method: Method, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    real = MtodLearner.batch

    def noting(learner: MtodLearner, features: Sequence[Features]) -> Batch:
        if learner.model.training:
            seen.update(one.text for one in features)
        return real(learner, features)

    monkeypatch.setattr(MtodLearner, "batch", noting)
    job = adapt_job(store, only_base(store), method=method)
    done(job, store)
    split = MtodDataSplitter().split(spanish(), None, fraction=0.25, seed=job.hyperparameters.seed)
    target = set(texts_of(spanish()))
    assert seen & target == {one.text for one in split.train}
    assert not seen & {one.text for one in split.evaluation}


def test_evaluation_data_that_is_given_is_what_it_is_measured_on(store: Store) -> None:
    held = put(store, spanish()[::4], "es")
    rest = put(store, [one for one in spanish() if one not in spanish()[::4]], "es")
    job = adapt_job(store, only_base(store), dataset_id=rest, evaluation_dataset_id=held)
    outcome = done(job, store)
    assert (outcome.report.data["train"], outcome.report.data["evaluation"]) == (18, 6)
    assert manifest_of(store, outcome).dataset_ids["evaluation"] == held


def novel_examples() -> list[MtodExample]:
    games = ("chess", "go", "cards", "tag", "dice", "darts", "polo", "golf")
    return [*spanish(), *(utterance("juega al {game}", "play_game", game=game) for game in games)]


def test_labels_the_base_does_not_know_are_learnt_where_that_was_asked_for(store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base(store))
    dataset = put(store, novel_examples(), "es")
    thorough = QUICK.fine_tune.model_copy(update={"epochs": 20})
    job = adapt_job(
        store,
        base.checkpoint_id,
        dataset_id=dataset,
        extend_labels=True,
        method=Method.X_METRA_ADA,
        hyperparameters=QUICK.model_copy(update={"fine_tune": thorough}),
    )
    outcome = done(job, store)
    manifest = manifest_of(store, outcome)
    assert manifest.intents == (*base.intents, "play_game")
    assert manifest.slots == (*base.slots, "game")
    assert outcome.report.plan is not None
    assert [one.name for one in outcome.report.plan.stages] == ["fine-tune", "meta-train", "meta-adapt"]
    evaluation = outcome.report.result.evaluation
    assert isinstance(evaluation, MtodEvaluation)
    assert evaluation.intents["play_game"].f1 > 0
    assert learner_of(store, outcome).labels.intents == manifest.intents


def test_labels_stay_those_of_the_base_where_it_was_not(store: Store) -> None:
    base = store.checkpoints.manifest(MTOD, only_base(store))
    dataset = put(store, novel_examples(), "es")
    outcome = done(adapt_job(store, base.checkpoint_id, dataset_id=dataset), store)
    assert manifest_of(store, outcome).intents == base.intents
    evaluation = outcome.report.result.evaluation
    assert isinstance(evaluation, MtodEvaluation)
    assert evaluation.intents["play_game"].f1 == 0


def test_a_language_can_be_adapted_from_a_language(store: Store, adapted: Outcome) -> None:
    job = adapt_job(store, adapted.checkpoint_id, language="ca", dataset_id=put(store, spanish(), "ca"))
    manifest = manifest_of(store, done(job, store))
    assert manifest.languages == ("en", "es", "ca")
    assert manifest.base_id == adapted.checkpoint_id


def test_progress_never_goes_back_and_ends_at_a_hundred(store: Store) -> None:
    told = told_by(adapt_job(store, only_base(store), **META), store)
    percents = [one.percent for one in told]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    assert list(dict.fromkeys(one.stage for one in told)) == [
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
def test_a_job_that_is_cancelled_leaves_nothing(
    stage: str, step: int, store: Store, store_folder: Path
) -> None:
    job = adapt_job(store, only_base(store), promote=Promotion.ALWAYS, **META)
    before = files_in(store_folder)
    with pytest.raises(JobCancelled):
        done(job, store, stopping_at(stage, step))
    assert files_in(store_folder) == before


@pytest.mark.parametrize("field", ["dataset_id", "evaluation_dataset_id", "base_id"])
def test_what_is_not_in_the_store_is_told(field: str, store: Store) -> None:
    job = adapt_job(store, only_base(store)).model_copy(update={field: "missing"})
    with pytest.raises(NotFound, match="'missing'"):
        done(job, store)


def test_a_model_that_is_not_to_be_kept_leaves_only_its_report(store: Store, store_folder: Path) -> None:
    before = files_in(store_folder / "checkpoints")
    outcome = done(adapt_job(store, only_base(store), keep=False, promote=Promotion.NEVER), store)
    assert files_in(store_folder / "checkpoints") == before
    assert outcome.report.result.checkpoint_id is None
    assert outcome.report.result.evaluation.examples == 6
    with pytest.raises(ValueError, match="kept no checkpoint"):
        _ = outcome.checkpoint_id


def test_what_is_not_kept_cannot_be_promoted(store: Store) -> None:
    with pytest.raises(ValidationError, match="cannot serve: promote must be never"):
        adapt_job(store, only_base(store), keep=False)
