"""Plain training chooses its settings on a part of the few-shot data."""

from collections.abc import Sequence

import pytest

from core.contracts.hyperparameters import FineTuneSettings, Hyperparameters
from core.contracts.values import Method
from core.store import Store
from core.tasks.engine import Measurement
from core.tasks.mtod.engine import MtodTask
from core.tasks.mtod.learner import MtodLearner
from core.training.tuning_grid import RATES, longer, rates
from tests.core.pipeline.workshop import QUICK, adapt_job, done, only_base, put, told_by
from tests.core.tiny import spanish, texts_of

TUNED = QUICK.model_copy(update={"tune": True})


def test_rates_are_tried_around_the_settings_and_then_twice_the_length() -> None:
    settings = QUICK.fine_tune
    for one, times in zip(rates(settings), RATES, strict=True):
        assert one.encoder_lr == pytest.approx(times * settings.encoder_lr)
        assert one.heads_lr == pytest.approx(times * settings.heads_lr)
        assert one.epochs == settings.epochs
    assert longer(settings).encoder_lr == settings.encoder_lr
    assert longer(settings).epochs == 2 * settings.epochs
    assert longer(settings).steps(100) == 2 * settings.steps(100)


@pytest.mark.parametrize(
    ("likes", "expected"),
    [
        ([0.1, 0.2, 0.9, 0.3], rates(QUICK.fine_tune)[2]),
        ([0.1, 0.9, 0.9, 0.9], rates(QUICK.fine_tune)[1]),  # of equals the first
        ([0.9, 0.2, 0.1, 1.0], longer(rates(QUICK.fine_tune)[0])),
    ],
)
def test_the_settings_that_did_best_are_trained_with(
    store: Store, monkeypatch: pytest.MonkeyPatch, likes: list[float], expected: FineTuneSettings
) -> None:
    """By a measure that likes one trial most, and with a result as that trial's settings alone give it."""
    left = iter(likes)
    real = MtodTask.measure

    def liking(task: MtodTask, learner: MtodLearner, examples: Sequence[object]) -> Measurement:
        found = real(task, learner, examples)  # type: ignore[arg-type]
        if len(examples) > 5:
            return found
        quality = next(left)
        scores = {"intent_accuracy": quality, "slot_f1": quality}
        return Measurement(found.evaluation.model_copy(update=scores), found.exact)

    monkeypatch.setattr(MtodTask, "measure", liking)
    job = adapt_job(store, only_base(store), hyperparameters=TUNED)
    result = done(job, store).report.result
    assert [one.quality for one in result.tried] == likes
    by_hand = QUICK.model_copy(update={"fine_tune": expected})
    same = done(adapt_job(store, only_base(store), hyperparameters=by_hand), store).report.result
    assert result.evaluation == same.evaluation


def test_nothing_held_out_is_tuned_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[set[str]] = []
    real = MtodTask.measure

    def noting(task: MtodTask, learner: MtodLearner, examples: Sequence[object]) -> Measurement:
        measured.append(set(texts_of(examples)))  # type: ignore[arg-type]
        return real(task, learner, examples)  # type: ignore[arg-type]

    monkeypatch.setattr(MtodTask, "measure", noting)
    done(adapt_job(store, only_base(store), hyperparameters=TUNED), store)
    zero_shot, *trials, result = measured
    assert zero_shot == result
    assert len(trials) == len(RATES) + 1
    assert not any(trial & result for trial in trials)


@pytest.mark.parametrize(("method", "trials"), [(Method.X_METRA_ADA, 0), (Method.FT_EN, 4), (Method.MONO, 4)])
def test_only_plain_training_is_tuned(method: Method, trials: int, store: Store) -> None:
    job = adapt_job(store, only_base(store), method=method, hyperparameters=TUNED)
    assert len(done(job, store).report.result.tried) == trials


def test_too_few_examples_to_hold_any_out_are_trained_on_as_they_are(store: Store) -> None:
    few = put(store, [next(one for one in spanish() if one.intent == intent) for intent in intents()], "es")
    held = put(store, spanish()[::2], "es")
    job = adapt_job(
        store, only_base(store), dataset_id=few, evaluation_dataset_id=held, hyperparameters=TUNED
    )
    assert done(job, store).report.result.tried == ()


def intents() -> list[str]:
    return sorted({one.intent for one in spanish()})


def test_progress_tells_of_the_trials_and_never_goes_back(store: Store) -> None:
    told = told_by(adapt_job(store, only_base(store), hyperparameters=TUNED), store)
    stages = list(dict.fromkeys(one.stage for one in told))
    assert [one for one in stages if one.startswith("tune ")] == [f"tune {i}: fine-tune" for i in range(1, 5)]
    assert [one.percent for one in told] == sorted(one.percent for one in told)


def test_tuning_is_off_unless_asked_for() -> None:
    assert not Hyperparameters().tune
