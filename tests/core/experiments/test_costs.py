"""Relative costs of runs."""

from pathlib import Path
from typing import Any

import pytest

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import Hyperparameters, MetaSettings, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.values import MTOD
from core.experiments.costs import Costs
from core.store import Store
from core.tasks.data_split import FORWARD_SHARE
from tests.core.tiny import english, spanish


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


@pytest.fixture
def source(store: Store) -> DatasetManifest:
    return store.datasets.put(english(), task=MTOD, language="en")


@pytest.fixture
def costs(store: Store, source: DatasetManifest) -> Costs:
    return Costs(store, source)


def job(store: Store, **changes: Any) -> AdaptJob:
    target = store.datasets.put(spanish(), task=MTOD, language="es").dataset_id
    fields: dict[str, Any] = {
        "task": MTOD,
        "language": "es",
        "dataset_id": target,
        "evaluation_dataset_id": target,
        "base_id": "later",
        "method": "ft",
    }
    return AdaptJob.model_validate(fields | changes)


def test_adapt_cost_is_cost_of_stages_and_two_evaluations(store: Store, costs: Costs) -> None:
    # 100 steps of 16 of the 24 examples, at least; then two models predict 24.
    assert costs.adapt_cost(job(store)) == pytest.approx(100 * 16 + 2 * 24 * FORWARD_SHARE)


def test_adapt_cost_includes_tuning_trials(store: Store, costs: Costs) -> None:
    plain, tuned = (
        costs.adapt_cost(job(store, hyperparameters=Hyperparameters(tune=tune))) for tune in (False, True)
    )
    assert tuned > 3 * plain


def test_adapt_cost_grows_with_joint_training_and_steps(store: Store, costs: Costs) -> None:
    plain, joint = (costs.adapt_cost(job(store, method=method)) for method in ("ft", "ft-en"))
    assert 1.8 < joint / plain < 2
    few, many = (
        costs.adapt_cost(
            job(
                store,
                method="x-metra",
                hyperparameters=Hyperparameters(meta=MetaSettings(meta_train_steps=steps)),
            )
        )
        for steps in (10, 100)
    )
    assert many > 5 * few


def test_adapt_cost_is_evaluation_cost_when_planning_fails(store: Store, costs: Costs) -> None:
    dataset_id = store.datasets.put(english()[:1], task=MTOD, language="es").dataset_id
    unplannable = job(store, dataset_id=dataset_id, evaluation_dataset_id=None)
    assert costs.adapt_cost(unplannable) == 1


def test_base_cost_is_cost_of_steps_and_one_evaluation(
    store: Store, source: DatasetManifest, costs: Costs
) -> None:
    base = PretrainJob(
        task=MTOD,
        source_language="en",
        dataset_id=source.dataset_id,
        evaluation_dataset_id=source.dataset_id,
        settings=PretrainSettings(epochs=2, batch_size=10),
    )
    assert costs.base_cost(base) == pytest.approx(2 * 30 + 30 * FORWARD_SHARE + 1)
