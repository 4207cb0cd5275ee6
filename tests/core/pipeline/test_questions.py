"""Questions through the whole pipeline: a base, an adaptation of it by both methods, and its answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.contracts.evaluations import QaEvaluation
from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.questions import QaExample
from core.contracts.values import BASE, Method, TaskName
from core.errors import InvalidInput
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from core.tasks.qa.similarity import SentenceEncoder
from tests.core.pipeline.workshop import done, told_by
from tests.core.tasks.qa.asking import answered, texts_of
from tests.core.tiny import tiny_encoder_folder

QA = TaskName.QA

QUICK = QaHyperparameters.model_validate(
    {
        "fine_tune": {"epochs": 2, "min_steps": 1, "encoder_lr": 3e-3, "heads_lr": 1e-2},
        "meta": {"outer_lr": 3e-3, "heads_outer_lr": 1e-2, "meta_train_steps": 6, "meta_adapt_steps": 3},
    }
)


def english() -> list[QaExample]:
    towns = ("Tanga", "Moshi", "Iringa", "Arusha", "Lindi", "Tabora")
    return [
        answered(f"{word} is the {thing}?", f"the {thing} of {town} is ⟦{place}⟧ today")
        for town in towns
        for word, thing, place in (("where", "well", "by the road"), ("who", "teacher", "Ana Rossi"))
    ]


def swahili() -> list[QaExample]:
    towns = ("Tanga", "Moshi", "Iringa", "Arusha", "Lindi")
    return [
        answered(f"{thing} {word}?", f"leo {thing} ya {town} ni ⟦{place}⟧ hapa")
        for town in towns
        for word, thing, place in (("wapi", "kisima", "kando ya barabara"), ("nani", "mwalimu", "Ana Rossi"))
    ]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"), "bert", texts_of([*english(), *swahili()]))


def put(store: Store, examples: list[QaExample], language: str) -> str:
    return store.datasets.put(examples, task=QA, language=language).dataset_id


def pretrain_job(store: Store, encoder: Path) -> PretrainJob:
    return PretrainJob(
        task=QA,
        source_language="en",
        dataset_id=put(store, english(), "en"),
        evaluation_fraction=0.2,
        encoder=str(encoder),
        settings=QaPretrainSettings(epochs=20, batch_size=4, encoder_lr=3e-3, heads_lr=1e-2),
    )


def adapt_job(store: Store, encoder: Path, base_id: str, **changes: Any) -> AdaptJob:
    fields: dict[str, Any] = {
        "task": QA,
        "language": "sw",
        "dataset_id": put(store, swahili(), "sw"),
        "evaluation_fraction": 0.25,
        "base_id": base_id,
        "method": Method.X_METRA_ADA,
        "hyperparameters": QUICK,
        "similarity": str(encoder),
    }
    return AdaptJob(**fields | changes)


@pytest.fixture(scope="module")
def with_base(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Outcome]:
    store = Store(str(tmp_path_factory.mktemp("store")))
    return store, done(pretrain_job(store, encoder), store)


def test_a_base_of_questions_is_measured_and_serves(with_base: tuple[Store, Outcome]) -> None:
    store, base = with_base
    manifest = store.checkpoints.manifest(QA, base.checkpoint_id)
    assert (manifest.task, manifest.intents, manifest.slots) == (QA, (), ())
    assert isinstance(manifest.evaluation, QaEvaluation)
    assert base.report.verdict.startswith("The base reads en with F1 ")
    live = store.deployments.live(QA, BASE)
    assert live is not None
    assert live.checkpoint_id == base.checkpoint_id


def test_meta_learning_and_its_baseline_are_trained_measured_and_compared(
    with_base: tuple[Store, Outcome], encoder: Path
) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id, baselines=(Method.FT,))
    report = done(job, store).report
    assert report.plan is not None
    assert [stage.name for stage in report.plan.stages] == ["meta-train", "meta-adapt"]
    assert {point.stage for point in report.curves} == {
        "meta-train",
        "meta-adapt",
        "ft baseline: fine-tune",
    }
    assert [one.name for one in report.baselines] == ["zero-shot base", "ft"]
    assert "F1 " in report.verdict
    assert report.decision.reason.startswith(("better: F1", "not better: F1"))


def test_the_stored_checkpoint_answers_with_exact_offsets(
    with_base: tuple[Store, Outcome], encoder: Path
) -> None:
    store, base = with_base
    made = done(adapt_job(store, encoder, base.checkpoint_id, method=Method.FT), store)
    manifest = store.checkpoints.manifest(QA, made.checkpoint_id)
    predictor = Predictor.open(store, manifest)
    (told,) = predictor.predict(swahili()[:1], top_k=2)
    context = swahili()[0].context
    assert [context[one.start : one.end] for one in told.answers] == [one.text for one in told.answers]


def test_vectors_are_made_once_and_progress_tells_of_them(
    with_base: tuple[Store, Outcome], encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id, evaluation_fraction=0.4)
    stages = list(dict.fromkeys(one.stage for one in told_by(job, store)))
    assert [one for one in stages if one.startswith("embed")] == ["embed source", "embed target"]

    def never(*_: object, **__: object) -> np.ndarray:
        raise AssertionError("vectors were made again")

    monkeypatch.setattr(SentenceEncoder, "vectors", never)
    done(job, store)


def test_one_seed_gives_one_model(with_base: tuple[Store, Outcome], encoder: Path, one_thread: None) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id)
    first, second = (
        store.checkpoints.manifest(QA, done(job, store).checkpoint_id).files["model.safetensors"]
        for _ in range(2)
    )
    assert first == second


def test_a_sentence_encoder_that_is_not_there_is_told(
    with_base: tuple[Store, Outcome], encoder: Path
) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id, similarity="/nowhere/at/all")
    with pytest.raises(InvalidInput, match=r"/similarity.*cannot be loaded"):
        done(job, store)
