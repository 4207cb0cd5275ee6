"""Small experiment on a question answering dataset without a training file."""

from pathlib import Path
from typing import Any

import pytest

from core.contracts.evaluations import QaEvaluation
from core.contracts.qa_examples import QaExample
from core.experiments.folder import Folder
from core.experiments.grid import Experiment
from core.formats import write_squad
from tests.core.experiments.small_experiments import results
from tests.core.tasks.qa.qa_examples import qa_example, texts_of
from tests.core.tiny import tiny_encoder_folder

SETTINGS: dict[str, Any] = {
    "tune": False,
    "fine_tune": {"epochs": 1, "min_steps": 1},
    "meta": {"meta_train_steps": 2, "meta_adapt_steps": 1},
}


def questions(noun: str, count: int) -> list[QaExample]:
    return [
        qa_example(f"{noun} wapi {n}?", f"{noun} ya {n} ni ⟦kando ya barabara⟧ leo") for n in range(count)
    ]


def test_qa_experiment_splits_a_single_file(tmp_path: Path, folder: Folder) -> None:
    files = {
        "train/en": questions("well", 12),
        "dev/en": questions("mill", 4),
        "dev/sw": questions("kisima", 20),
    }
    for name, examples in files.items():
        path = tmp_path / "tydiqa-goldp" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write_squad(examples))
    texts = texts_of([example for examples in files.values() for example in examples])
    encoder = str(tiny_encoder_folder(tmp_path, "bert", texts))
    experiment = Experiment(
        task="qa",
        languages=("sw",),
        methods=("ft", "x-metra-ada"),
        seeds=(42,),
        encoder=encoder,
        similarity=encoder,
        settings=SETTINGS,
        base_settings={"epochs": 1},
    )
    outcome = results(experiment, tmp_path, folder)
    assert outcome.failures == ()
    assert [row.variant.method for row in outcome.table] == ["pre", "ft", "x-metra-ada"]
    assert list(outcome.table[0].metrics) == ["F1", "exact match"]
    for run in outcome.runs:
        assert isinstance(run.report.result.evaluation, QaEvaluation)
        assert (run.report.data["train"], run.report.data["evaluation"]) == (6, 14)
    assert len({run.job.evaluation_dataset_id for run in outcome.runs}) == 1


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    """Make results independent of the number of cores."""
