"""Test calibration in the pipeline: data, checkpoint and report."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.checkpoints import open_checkpoint
from core.contracts.calibrations import Calibrated, Temperatures
from core.contracts.examples import MtodExample
from core.contracts.reports import Candidate
from core.contracts.values import MTOD, Method, Trainable
from core.evaluation.calibration import HeldOutScores
from core.pipeline import Outcome
from core.store import Store
from core.tasks.mtod import calibration
from core.tasks.mtod.learner import MtodLearner
from tests.core.pipeline.small_jobs import QUICK, adapt_job, only_base_id, pretrain_job, put_dataset, run_job
from tests.core.tiny import english, spanish

EVALUATION = spanish()[::3]


@pytest.fixture(autouse=True)
def distinct_temperatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the minimum of examples, and make all temperatures distinct."""
    numbers = itertools.count(2)

    def numbered_fit(first: HeldOutScores, second: HeldOutScores, *, examples: int) -> Calibrated:
        answers = sum(len(half.answers(1.0).correct) for half in (first, second))
        return Calibrated(
            temperature=next(numbers), examples=examples, answers=answers, ece_before=0.2, ece_after=0.1
        )

    monkeypatch.setattr(calibration, "MIN_EXAMPLES", 6)
    monkeypatch.setattr(calibration, "cross_fit_temperature", numbered_fit)


def adapted(store: Store, **changes: object) -> Outcome:
    training = [example for example in spanish() if example not in EVALUATION]
    datasets = {
        "dataset_id": put_dataset(store, training, "es"),
        "evaluation_dataset_id": put_dataset(store, EVALUATION, "es"),
    }
    return run_job(adapt_job(store, only_base_id(store), **datasets | changes), store)


def temperatures_of(candidate: Candidate) -> Temperatures:
    assert candidate.calibration is not None
    return candidate.calibration.temperatures


def loaded_learner(store: Store, outcome: Outcome) -> MtodLearner:
    learner = open_checkpoint(store, store.checkpoints.manifest(MTOD, outcome.checkpoint_id))
    assert isinstance(learner, MtodLearner)
    return learner


def calibrated_on(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Record the texts of every half that temperatures are fitted on."""
    texts_of_halves: list[set[str]] = []
    original = calibration._score

    def recording_score(learner: MtodLearner, examples: Sequence[MtodExample]) -> object:
        texts_of_halves.append({example.text for example in examples})
        return original(learner, examples)

    monkeypatch.setattr(calibration, "_score", recording_score)
    return texts_of_halves


def test_report_manifest_and_learner_have_same_temperatures(store: Store) -> None:
    outcome = adapted(store)
    temperatures = temperatures_of(outcome.report.result)
    assert temperatures != Temperatures()
    assert store.checkpoints.manifest(MTOD, outcome.checkpoint_id).temperatures == temperatures
    assert loaded_learner(store, outcome).temperatures == temperatures


def test_report_has_calibration_errors(store: Store) -> None:
    calibration_result = adapted(store).report.result.calibration
    assert calibration_result is not None
    assert calibration_result.intents.examples == calibration_result.intents.answers == len(EVALUATION)
    assert (calibration_result.intents.ece_before, calibration_result.intents.ece_after) == (0.2, 0.1)


@pytest.mark.parametrize("trainable", [Trainable.HEADS, Trainable.LORA])
def test_delta_checkpoint_has_own_temperatures(trainable: Trainable, store: Store) -> None:
    outcome = adapted(store, hyperparameters=QUICK.model_copy(update={"trainable": trainable}))
    temperatures = temperatures_of(outcome.report.result)
    assert loaded_learner(store, outcome).temperatures == temperatures != Temperatures()


def test_base_is_calibrated_on_held_out_examples(
    empty_store: Store, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts_of_halves = calibrated_on(monkeypatch)
    outcome = run_job(pretrain_job(empty_store, bert_folder), empty_store)
    assert sum(map(len, texts_of_halves)) == outcome.report.data["evaluation"] == 6
    manifest = empty_store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert manifest.temperatures == temperatures_of(outcome.report.result) != Temperatures()


@pytest.mark.parametrize("method", [Method.FT_EN, Method.X_METRA_ADA])
def test_calibration_ignores_training_texts(
    method: Method, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts_of_halves = calibrated_on(monkeypatch)
    mixed = put_dataset(store, [*EVALUATION, *spanish(), *english()], "es")
    adapted(store, method=method, evaluation_dataset_id=mixed)
    assert set().union(*texts_of_halves) == {example.text for example in EVALUATION}


def test_best_method_keeps_its_temperatures(store: Store) -> None:
    report = (outcome := adapted(store, method=Method.BEST)).report
    trained = [candidate for candidate in (*report.baselines, report.result) if candidate.name in set(Method)]
    assert len({temperatures_of(candidate).model_dump_json() for candidate in trained}) == len(trained) == 3
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert manifest.temperatures == temperatures_of(report.result)


def test_incumbents_are_not_calibrated(store: Store) -> None:
    adapted(store)
    rivals = adapted(store, baselines=()).report.baselines
    assert [(candidate.name, candidate.calibration) for candidate in rivals] == [
        ("zero-shot base", None),
        ("the checkpoint that serves now", None),
    ]


def test_temperatures_are_one_when_examples_are_too_few(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "MIN_EXAMPLES", 50)
    outcome = adapted(store)
    calibration_result = outcome.report.result.calibration
    assert calibration_result is not None
    assert calibration_result.intents.note == f"{len(EVALUATION)} held-out utterances; calibration needs 50"
    assert loaded_learner(store, outcome).temperatures == Temperatures()
