"""Test the tuning of plain training on a part of the few-shot data."""

from collections.abc import Sequence

import pytest

from core.contracts.hyperparameters import FineTuneSettings, Hyperparameters
from core.contracts.values import Method
from core.store import Store
from core.tasks.engine import Measurement
from core.tasks.mtod.engine import MtodEngine
from core.tasks.mtod.learner import MtodLearner
from core.training.tuning_grid import RATES, longer_candidate, rate_candidates
from tests.core.pipeline.small_jobs import (
    QUICK,
    adapt_job,
    only_base_id,
    progress_events,
    put_dataset,
    run_job,
)
from tests.core.tiny import spanish, texts_of

TUNED = QUICK.model_copy(update={"tune": True})


def test_grid_scales_learning_rates_and_doubles_epochs() -> None:
    settings = QUICK.fine_tune
    for trial, factor in zip(rate_candidates(settings), RATES, strict=True):
        assert trial.encoder_lr == pytest.approx(factor * settings.encoder_lr)
        assert trial.heads_lr == pytest.approx(factor * settings.heads_lr)
        assert trial.epochs == settings.epochs
    assert longer_candidate(settings).encoder_lr == settings.encoder_lr
    assert longer_candidate(settings).epochs == 2 * settings.epochs
    assert longer_candidate(settings).steps(100) == 2 * settings.steps(100)


@pytest.mark.parametrize(
    ("trial_qualities", "expected"),
    [
        ([0.1, 0.2, 0.9, 0.3], rate_candidates(QUICK.fine_tune)[2]),
        ([0.1, 0.9, 0.9, 0.9], rate_candidates(QUICK.fine_tune)[1]),  # the first of equal ones
        ([0.9, 0.2, 0.1, 1.0], longer_candidate(rate_candidates(QUICK.fine_tune)[0])),
    ],
)
def test_best_settings_are_used(
    store: Store, monkeypatch: pytest.MonkeyPatch, trial_qualities: list[float], expected: FineTuneSettings
) -> None:
    """Prefer one trial by its quality; the result equals that of training with its settings."""
    qualities = iter(trial_qualities)
    original = MtodEngine.measure

    def measure_with_qualities(
        task: MtodEngine, learner: MtodLearner, examples: Sequence[object]
    ) -> Measurement:
        measurement = original(task, learner, examples)  # type: ignore[arg-type]
        if len(examples) > 5:
            return measurement
        quality = next(qualities)
        scores = {"intent_accuracy": quality, "slot_f1": quality}
        return Measurement(measurement.evaluation.model_copy(update=scores), measurement.exact)

    monkeypatch.setattr(MtodEngine, "measure", measure_with_qualities)
    job = adapt_job(store, only_base_id(store), hyperparameters=TUNED)
    result = run_job(job, store).report.result
    assert [trial.quality for trial in result.tried] == trial_qualities
    by_hand = QUICK.model_copy(update={"fine_tune": expected})
    expected_result = run_job(
        adapt_job(store, only_base_id(store), hyperparameters=by_hand), store
    ).report.result
    assert result.evaluation == expected_result.evaluation


def test_tuning_ignores_evaluation_examples(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    texts_of_measurements: list[set[str]] = []
    original = MtodEngine.measure

    def recording_measure(task: MtodEngine, learner: MtodLearner, examples: Sequence[object]) -> Measurement:
        texts_of_measurements.append(set(texts_of(examples)))  # type: ignore[arg-type]
        return original(task, learner, examples)  # type: ignore[arg-type]

    monkeypatch.setattr(MtodEngine, "measure", recording_measure)
    run_job(adapt_job(store, only_base_id(store), hyperparameters=TUNED), store)
    zero_shot, *trials, result = texts_of_measurements
    assert zero_shot == result
    assert len(trials) == len(RATES) + 1
    assert not any(trial & result for trial in trials)


@pytest.mark.parametrize(("method", "trials"), [(Method.X_METRA_ADA, 0), (Method.FT_EN, 4), (Method.MONO, 4)])
def test_only_plain_training_is_tuned(method: Method, trials: int, store: Store) -> None:
    job = adapt_job(store, only_base_id(store), method=method, hyperparameters=TUNED)
    assert len(run_job(job, store).report.result.tried) == trials


def test_tuning_is_skipped_when_examples_are_too_few(store: Store) -> None:
    training = put_dataset(
        store,
        [next(example for example in spanish() if example.intent == intent) for intent in intents()],
        "es",
    )
    evaluation = put_dataset(store, spanish()[::2], "es")
    job = adapt_job(
        store,
        only_base_id(store),
        dataset_id=training,
        evaluation_dataset_id=evaluation,
        hyperparameters=TUNED,
    )
    assert run_job(job, store).report.result.tried == ()


def intents() -> list[str]:
    return sorted({example.intent for example in spanish()})


def test_progress_includes_trials_and_is_monotonic(store: Store) -> None:
    events = progress_events(adapt_job(store, only_base_id(store), hyperparameters=TUNED), store)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert [stage for stage in stages if stage.startswith("tune ")] == [
        f"tune {i}: fine-tune" for i in range(1, 5)
    ]
    assert [event.percent for event in events] == sorted(event.percent for event in events)


def test_tuning_is_disabled_by_default() -> None:
    assert not Hyperparameters().tune
