"""What runs cost beside each other."""

from pathlib import Path
from typing import Any

import pytest

from core.contracts.examples import DatasetManifest
from core.contracts.hyperparameters import Hyperparameters, MetaSettings, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.values import TaskName
from core.experiments.costs import Costs
from core.store import Store
from core.tasks.data_split import FORWARD_SHARE
from tests.core.tiny import english, spanish

MTOD = TaskName.MTOD


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


def test_an_adaptation_costs_its_stages_and_two_measurements(store: Store, costs: Costs) -> None:
    # 100 steps of 16 of the 24 examples, at least; then two models answer 24.
    assert costs.of(job(store)) == pytest.approx(100 * 16 + 2 * 24 * FORWARD_SHARE)


def test_tuning_costs_several_trainings(store: Store, costs: Costs) -> None:
    plain, tuned = (
        costs.of(job(store, hyperparameters=Hyperparameters(tune=tune))) for tune in (False, True)
    )
    assert tuned > 3 * plain


def test_joint_training_costs_about_twice_and_more_steps_cost_more(store: Store, costs: Costs) -> None:
    plain, joint = (costs.of(job(store, method=method)) for method in ("ft", "ft-en"))
    assert 1.8 < joint / plain < 2
    few, many = (
        costs.of(
            job(
                store,
                method="x-metra",
                hyperparameters=Hyperparameters(meta=MetaSettings(meta_train_steps=steps)),
            )
        )
        for steps in (10, 100)
    )
    assert many > 5 * few


def test_a_run_that_cannot_be_planned_costs_its_measuring(store: Store, costs: Costs) -> None:
    measured = store.datasets.put(english()[:1], task=MTOD, language="es").dataset_id
    impossible = job(store, dataset_id=measured, evaluation_dataset_id=None)
    assert costs.of(impossible) == 1


def test_the_base_costs_its_steps_and_one_measurement(
    store: Store, source: DatasetManifest, costs: Costs
) -> None:
    base = PretrainJob(
        task=MTOD,
        source_language="en",
        dataset_id=source.dataset_id,
        evaluation_dataset_id=source.dataset_id,
        settings=PretrainSettings(epochs=2, batch_size=10),
    )
    assert costs.of_base(base) == pytest.approx(2 * 30 + 30 * FORWARD_SHARE + 1)
