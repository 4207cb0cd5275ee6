"""How sure a model may say it is: found on held-out examples, kept with the checkpoint, told in a report."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.checkpoints import open_checkpoint
from core.contracts.calibrations import Calibrated, Temperatures
from core.contracts.examples import MtodExample
from core.contracts.reports import Candidate
from core.contracts.values import Method, Trainable
from core.evaluation.calibration import Held
from core.pipeline import Outcome
from core.store import Store
from core.tasks.mtod import calibration
from core.tasks.mtod.learner import MtodLearner
from tests.core.pipeline.workshop import MTOD, QUICK, adapt_job, done, only_base, pretrain_job, put
from tests.core.tiny import english, spanish

HELD = spanish()[::3]


@pytest.fixture(autouse=True)
def numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the few examples there are be enough, and no two temperatures be alike."""
    numbers = itertools.count(2)

    def found(first: Held, second: Held, *, examples: int) -> Calibrated:
        answers = sum(len(half.judged(1.0).right) for half in (first, second))
        return Calibrated(
            temperature=next(numbers), examples=examples, answers=answers, ece_before=0.2, ece_after=0.1
        )

    monkeypatch.setattr(calibration, "FEWEST", 6)
    monkeypatch.setattr(calibration, "cross_fitted", found)


def adapted(store: Store, **changes: object) -> Outcome:
    few = [one for one in spanish() if one not in HELD]
    given = {"dataset_id": put(store, few, "es"), "evaluation_dataset_id": put(store, HELD, "es")}
    return done(adapt_job(store, only_base(store), **given | changes), store)


def temperatures_of(candidate: Candidate) -> Temperatures:
    assert candidate.calibration is not None
    return candidate.calibration.temperatures


def opened(store: Store, outcome: Outcome) -> MtodLearner:
    learner = open_checkpoint(store, store.checkpoints.manifest(MTOD, outcome.checkpoint_id))
    assert isinstance(learner, MtodLearner)
    return learner


def calibrated_on(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Note the texts of every half that a model reads for its temperatures."""
    read: list[set[str]] = []
    real = calibration._read

    def noting(learner: MtodLearner, examples: Sequence[MtodExample]) -> object:
        read.append({one.text for one in examples})
        return real(learner, examples)

    monkeypatch.setattr(calibration, "_read", noting)
    return read


def test_the_temperatures_of_the_report_are_those_the_checkpoint_answers_with(store: Store) -> None:
    outcome = adapted(store)
    found = temperatures_of(outcome.report.result)
    assert found != Temperatures()
    assert store.checkpoints.manifest(MTOD, outcome.checkpoint_id).temperatures == found
    assert opened(store, outcome).temperatures == found


def test_errors_before_and_after_are_told(store: Store) -> None:
    told = adapted(store).report.result.calibration
    assert told is not None
    assert told.intents.examples == told.intents.answers == len(HELD)
    assert (told.intents.ece_before, told.intents.ece_after) == (0.2, 0.1)


@pytest.mark.parametrize("trainable", [Trainable.HEADS, Trainable.LORA])
def test_what_is_added_to_a_base_has_temperatures_of_its_own(trainable: Trainable, store: Store) -> None:
    outcome = adapted(store, hyperparameters=QUICK.model_copy(update={"trainable": trainable}))
    found = temperatures_of(outcome.report.result)
    assert opened(store, outcome).temperatures == found != Temperatures()


def test_a_base_is_calibrated_on_what_was_held_out_of_it(
    empty_store: Store, bert_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = calibrated_on(monkeypatch)
    outcome = done(pretrain_job(empty_store, bert_folder), empty_store)
    assert sum(map(len, read)) == outcome.report.data["evaluation"] == 6
    manifest = empty_store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert manifest.temperatures == temperatures_of(outcome.report.result) != Temperatures()


@pytest.mark.parametrize("method", [Method.FT_EN, Method.X_METRA_ADA])
def test_nothing_that_was_learnt_from_decides_a_temperature(
    method: Method, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = calibrated_on(monkeypatch)
    mixed = put(store, [*HELD, *spanish(), *english()], "es")
    adapted(store, method=method, evaluation_dataset_id=mixed)
    assert set().union(*read) == {one.text for one in HELD}


def test_of_the_best_the_temperatures_are_kept_that_belong_to_it(store: Store) -> None:
    report = (outcome := adapted(store, method=Method.BEST)).report
    trained = [one for one in (*report.baselines, report.result) if one.name in set(Method)]
    assert len({temperatures_of(one).model_dump_json() for one in trained}) == len(trained) == 3
    manifest = store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert manifest.temperatures == temperatures_of(report.result)


def test_what_was_not_trained_here_is_not_calibrated_here(store: Store) -> None:
    adapted(store)
    rivals = adapted(store, baselines=()).report.baselines
    assert [(one.name, one.calibration) for one in rivals] == [
        ("zero-shot base", None),
        ("the checkpoint that serves now", None),
    ]


def test_a_checkpoint_measured_on_too_few_says_what_its_model_says(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "FEWEST", 50)
    outcome = adapted(store)
    told = outcome.report.result.calibration
    assert told is not None
    assert told.intents.note == f"{len(HELD)} held-out utterances; calibration needs 50"
    assert opened(store, outcome).temperatures == Temperatures()
