from pathlib import Path

import pytest
import torch

from core.contracts.values import BASE, MTOD, Promotion
from core.encoders.loading import load_encoder
from core.errors import InvalidInput, JobCancelled, NotFound
from core.store import Store
from core.tasks.mtod.data_split import MtodDataSplitter
from core.tasks.mtod.engine import MtodEngine
from tests.core.pipeline.small_jobs import (
    files_in,
    only_base_id,
    pretrain_job,
    progress_events,
    put_dataset,
    run_job,
)
from tests.core.tiny import english, read_mtod, spanish
from tests.core.training.toys import stopping_at


def test_base_manifest_describes_pretraining(empty_store: Store, bert_folder: Path) -> None:
    job = pretrain_job(empty_store, bert_folder)
    outcome = run_job(job, empty_store)
    manifest = empty_store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert (manifest.method, manifest.languages, manifest.base_id) == ("pre", ("en",), None)
    assert manifest.dataset_ids == {"source": job.dataset_id}
    assert manifest.encoder == str(bert_folder)
    assert manifest.evaluation == outcome.report.result.evaluation
    assert manifest.seconds_per_example is not None
    assert manifest.intents == ("find_weather", "set_alarm", "set_reminder")
    assert manifest.slots == ("person", "place", "time")


def test_first_base_is_deployed(empty_store: Store, bert_folder: Path) -> None:
    outcome = run_job(pretrain_job(empty_store, bert_folder), empty_store)
    deployment = empty_store.deployments.live(MTOD, BASE)
    assert deployment is not None
    assert (deployment.checkpoint_id, deployment.reason) == (outcome.checkpoint_id, "nothing served before")
    assert outcome.report.decision.promoted


def test_report_is_complete(empty_store: Store, bert_folder: Path) -> None:
    job = pretrain_job(empty_store, bert_folder)
    outcome = run_job(job, empty_store)
    report = outcome.report
    assert report.data == {"train": 24, "evaluation": 6}
    assert report.result.checkpoint_id == outcome.checkpoint_id
    assert report.result.train_seconds > 0
    assert "The base reads en with" in report.verdict
    assert "on 6 held-out examples" in report.verdict
    assert {point.stage for point in report.curves} == {"pre"}
    assert (report.seed, report.device) == (job.seed, "cpu")
    assert {"python", "torch", "transformers"} <= report.versions.keys()
    assert min(report.wall_seconds, report.peak_memory_bytes) > 0


def test_scores_are_those_of_stored_weights_on_held_out_examples(store: Store, bert_folder: Path) -> None:
    manifest = store.checkpoints.manifest(MTOD, only_base_id(store))
    learner = read_mtod(store.checkpoints.fetch(MTOD, manifest.checkpoint_id), manifest)
    job = pretrain_job(store, bert_folder)
    split = MtodDataSplitter().split(english(), None, fraction=job.evaluation_fraction, seed=job.seed)
    assert MtodEngine().measure(learner, split.evaluation).evaluation == manifest.evaluation


def test_every_tensor_of_encoder_is_trained(store: Store, bert_folder: Path) -> None:
    manifest = store.checkpoints.manifest(MTOD, only_base_id(store))
    learner = read_mtod(store.checkpoints.fetch(MTOD, manifest.checkpoint_id), manifest)
    before = load_encoder(str(bert_folder)).model.state_dict()
    after = learner.encoder.model.state_dict()
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_base_without_gain_does_not_replace_deployment(store: Store, bert_folder: Path) -> None:
    first = only_base_id(store)
    outcome = run_job(pretrain_job(store, bert_folder, settings={"epochs": 0.1, "encoder_lr": 1e-6}), store)
    deployment = store.deployments.live(MTOD, BASE)
    assert deployment is not None
    assert deployment.checkpoint_id == first != outcome.checkpoint_id
    assert not outcome.report.decision.promoted
    (incumbent,) = outcome.report.baselines
    assert (incumbent.name, incumbent.checkpoint_id) == ("the base that serves now", first)


def test_worse_base_is_deployed_with_promote_always(store: Store, bert_folder: Path) -> None:
    settings = {"epochs": 0.1, "encoder_lr": 1e-6}
    outcome = run_job(pretrain_job(store, bert_folder, settings=settings, promote=Promotion.ALWAYS), store)
    deployment = store.deployments.live(MTOD, BASE)
    assert deployment is not None
    assert deployment.checkpoint_id == outcome.checkpoint_id
    assert "though not better" in deployment.reason


def test_bases_of_different_languages_are_not_compared(store: Store, bert_folder: Path) -> None:
    first = only_base_id(store)
    job = pretrain_job(
        store, bert_folder, source_language="es", dataset_id=put_dataset(store, spanish(), "es")
    )
    outcome = run_job(job, store)
    deployment = store.deployments.live(MTOD, BASE)
    assert deployment is not None
    assert deployment.checkpoint_id == first
    assert "made from 'en'" in outcome.report.decision.reason
    assert outcome.report.baselines == ()


def test_evaluation_dataset_is_used(empty_store: Store, bert_folder: Path) -> None:
    evaluation = put_dataset(empty_store, english()[::5], "en")
    job = pretrain_job(empty_store, bert_folder, evaluation_dataset_id=evaluation)
    report = run_job(job, empty_store).report
    assert report.data == {"train": 30, "evaluation": 6}
    assert report.dataset_ids == {"source": job.dataset_id, "evaluation": evaluation}


def test_progress_is_monotonic_and_ends_at_100_percent(empty_store: Store, bert_folder: Path) -> None:
    events = progress_events(pretrain_job(empty_store, bert_folder), empty_store)
    percents = [event.percent for event in events]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    assert list(dict.fromkeys(event.stage for event in events)) == ["pre", "evaluate"]


@pytest.mark.parametrize(
    ("stage", "step"), [("pre", 0), ("pre", 1), ("pre", 30), ("evaluate", 0), ("evaluate", 1)]
)
def test_cancelled_job_leaves_no_files(
    stage: str, step: int, store: Store, store_folder: Path, bert_folder: Path
) -> None:
    job = pretrain_job(store, bert_folder, promote=Promotion.ALWAYS)
    before = files_in(store_folder)
    with pytest.raises(JobCancelled):
        run_job(job, store, stopping_at(stage, step))
    assert files_in(store_folder) == before


def test_pretrain_raises_when_encoder_cannot_be_loaded(empty_store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as error:
        run_job(pretrain_job(empty_store, tmp_path / "nowhere"), empty_store)
    assert [fault.pointer for fault in error.value.faults] == ["/encoder"]


def test_pretrain_raises_when_dataset_is_missing(empty_store: Store, bert_folder: Path) -> None:
    with pytest.raises(NotFound, match="no dataset 'missing'"):
        run_job(pretrain_job(empty_store, bert_folder, dataset_id="missing"), empty_store)
