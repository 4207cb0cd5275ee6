"""Test the pipeline with the task qa: base, adaptations and answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.contracts.evaluations import QaEvaluation
from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.qa_examples import QaExample
from core.contracts.values import BASE, QA, Method
from core.errors import InvalidInput
from core.pipeline import Outcome
from core.predictor import Predictor
from core.store import Store
from core.tasks.qa.similarity import SentenceEncoder
from tests.core.pipeline.small_jobs import progress_events, run_job
from tests.core.tasks.qa.qa_examples import qa_example, texts_of
from tests.core.tiny import tiny_encoder_folder

QUICK = QaHyperparameters.model_validate(
    {
        "fine_tune": {"epochs": 2, "min_steps": 1, "encoder_lr": 3e-3, "heads_lr": 1e-2},
        "meta": {"outer_lr": 3e-3, "heads_outer_lr": 1e-2, "meta_train_steps": 6, "meta_adapt_steps": 3},
    }
)


def english() -> list[QaExample]:
    towns = ("Tanga", "Moshi", "Iringa", "Arusha", "Lindi", "Tabora")
    return [
        qa_example(f"{word} is the {thing}?", f"the {thing} of {town} is ⟦{place}⟧ today")
        for town in towns
        for word, thing, place in (("where", "well", "by the road"), ("who", "teacher", "Ana Rossi"))
    ]


def swahili() -> list[QaExample]:
    towns = ("Tanga", "Moshi", "Iringa", "Arusha", "Lindi")
    return [
        qa_example(f"{thing} {word}?", f"leo {thing} ya {town} ni ⟦{place}⟧ hapa")
        for town in towns
        for word, thing, place in (("wapi", "kisima", "kando ya barabara"), ("nani", "mwalimu", "Ana Rossi"))
    ]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder_folder(tmp_path_factory.mktemp("encoder"), "bert", texts_of([*english(), *swahili()]))


def put_dataset(store: Store, examples: list[QaExample], language: str) -> str:
    return store.datasets.put(examples, task=QA, language=language).dataset_id


def pretrain_job(store: Store, encoder: Path) -> PretrainJob:
    return PretrainJob(
        task=QA,
        source_language="en",
        dataset_id=put_dataset(store, english(), "en"),
        evaluation_fraction=0.2,
        encoder=str(encoder),
        settings=QaPretrainSettings(epochs=20, batch_size=4, encoder_lr=3e-3, heads_lr=1e-2),
    )


def adapt_job(store: Store, encoder: Path, base_id: str, **changes: Any) -> AdaptJob:
    fields: dict[str, Any] = {
        "task": QA,
        "language": "sw",
        "dataset_id": put_dataset(store, swahili(), "sw"),
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
    return store, run_job(pretrain_job(store, encoder), store)


def test_base_is_measured_and_deployed(with_base: tuple[Store, Outcome]) -> None:
    store, base = with_base
    manifest = store.checkpoints.manifest(QA, base.checkpoint_id)
    assert (manifest.task, manifest.intents, manifest.slots) == (QA, (), ())
    assert isinstance(manifest.evaluation, QaEvaluation)
    assert base.report.verdict.startswith("The base reads en with F1 ")
    live = store.deployments.live(QA, BASE)
    assert live is not None
    assert live.checkpoint_id == base.checkpoint_id


def test_adaptation_is_compared_with_baseline(with_base: tuple[Store, Outcome], encoder: Path) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id, baselines=(Method.FT,))
    report = run_job(job, store).report
    assert report.plan is not None
    assert [stage.name for stage in report.plan.stages] == ["meta-train", "meta-adapt"]
    assert {point.stage for point in report.curves} == {
        "meta-train",
        "meta-adapt",
        "ft baseline: fine-tune",
    }
    assert [candidate.name for candidate in report.baselines] == ["zero-shot base", "ft"]
    assert "F1 " in report.verdict
    assert report.decision.reason.startswith(("better: F1", "not better: F1"))


def test_stored_checkpoint_answers_with_exact_offsets(
    with_base: tuple[Store, Outcome], encoder: Path
) -> None:
    store, base = with_base
    outcome = run_job(adapt_job(store, encoder, base.checkpoint_id, method=Method.FT), store)
    manifest = store.checkpoints.manifest(QA, outcome.checkpoint_id)
    predictor = Predictor.open(store, manifest)
    (answer,) = predictor.predict(swahili()[:1], top_k=2)
    context = swahili()[0].context
    assert [context[span.start : span.end] for span in answer.answers] == [
        span.text for span in answer.answers
    ]


def test_vectors_are_computed_once_and_part_of_progress(
    with_base: tuple[Store, Outcome], encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id, evaluation_fraction=0.4)
    stages = list(dict.fromkeys(event.stage for event in progress_events(job, store)))
    assert [stage for stage in stages if stage.startswith("embed")] == ["embed source", "embed target"]

    def never(*_: object, **__: object) -> np.ndarray:
        raise AssertionError("vectors were computed again")

    monkeypatch.setattr(SentenceEncoder, "embed", never)
    run_job(job, store)


def test_weights_are_reproducible_by_seed(
    with_base: tuple[Store, Outcome], encoder: Path, one_thread: None
) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id)
    first, second = (
        store.checkpoints.manifest(QA, run_job(job, store).checkpoint_id).files["model.safetensors"]
        for _ in range(2)
    )
    assert first == second


def test_adapt_raises_when_sentence_encoder_is_missing(
    with_base: tuple[Store, Outcome], encoder: Path
) -> None:
    store, base = with_base
    job = adapt_job(store, encoder, base.checkpoint_id, similarity="/nowhere/at/all")
    with pytest.raises(InvalidInput, match=r"/similarity.*cannot be loaded"):
        run_job(job, store)
