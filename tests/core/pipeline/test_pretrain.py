from pathlib import Path

import pytest
import torch

from core.contracts.values import BASE, Promotion
from core.encoders.loading import load_encoder
from core.errors import InvalidInput, JobCancelled, NotFound
from core.store import Store
from core.tasks.mtod.data_split import MtodDataSplitter
from core.tasks.mtod.engine import MtodTask
from tests.core.pipeline.workshop import (
    MTOD,
    done,
    files_in,
    only_base,
    pretrain_job,
    put,
    told_by,
)
from tests.core.tiny import english, read_mtod, spanish
from tests.core.training.toys import stopping_at


def test_a_base_is_published_with_where_it_came_from(empty_store: Store, bert_folder: Path) -> None:
    job = pretrain_job(empty_store, bert_folder)
    outcome = done(job, empty_store)
    manifest = empty_store.checkpoints.manifest(MTOD, outcome.checkpoint_id)
    assert (manifest.method, manifest.languages, manifest.base_id) == ("pre", ("en",), None)
    assert manifest.dataset_ids == {"source": job.dataset_id}
    assert manifest.encoder == str(bert_folder)
    assert manifest.evaluation == outcome.report.result.evaluation
    assert manifest.seconds_per_example is not None
    assert manifest.intents == ("find_weather", "set_alarm", "set_reminder")
    assert manifest.slots == ("person", "place", "time")


def test_the_first_base_serves(empty_store: Store, bert_folder: Path) -> None:
    outcome = done(pretrain_job(empty_store, bert_folder), empty_store)
    live = empty_store.deployments.live(MTOD, BASE)
    assert live is not None
    assert (live.checkpoint_id, live.reason) == (outcome.checkpoint_id, "nothing served before")
    assert outcome.report.decision.promoted


def test_the_report_is_complete(empty_store: Store, bert_folder: Path) -> None:
    job = pretrain_job(empty_store, bert_folder)
    outcome = done(job, empty_store)
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


def test_the_scores_are_those_of_the_published_weights_on_the_held_out_examples(
    store: Store, bert_folder: Path
) -> None:
    manifest = store.checkpoints.manifest(MTOD, only_base(store))
    learner = read_mtod(store.checkpoints.fetch(MTOD, manifest.checkpoint_id), manifest)
    job = pretrain_job(store, bert_folder)
    split = MtodDataSplitter().split(english(), None, fraction=job.evaluation_fraction, seed=job.seed)
    assert MtodTask().measure(learner, split.evaluation).evaluation == manifest.evaluation


def test_every_tensor_of_the_encoder_is_trained(store: Store, bert_folder: Path) -> None:
    manifest = store.checkpoints.manifest(MTOD, only_base(store))
    learner = read_mtod(store.checkpoints.fetch(MTOD, manifest.checkpoint_id), manifest)
    before = load_encoder(str(bert_folder)).model.state_dict()
    after = learner.encoder.model.state_dict()
    assert [name for name in before if torch.equal(before[name], after[name])] == []


def test_a_base_that_is_not_better_does_not_replace_the_one_that_serves(
    store: Store, bert_folder: Path
) -> None:
    first = only_base(store)
    outcome = done(pretrain_job(store, bert_folder, settings={"epochs": 0.1, "encoder_lr": 1e-6}), store)
    live = store.deployments.live(MTOD, BASE)
    assert live is not None
    assert live.checkpoint_id == first != outcome.checkpoint_id
    assert not outcome.report.decision.promoted
    (incumbent,) = outcome.report.baselines
    assert (incumbent.name, incumbent.checkpoint_id) == ("the base that serves now", first)


def test_a_worse_base_serves_where_that_was_asked_for(store: Store, bert_folder: Path) -> None:
    settings = {"epochs": 0.1, "encoder_lr": 1e-6}
    outcome = done(pretrain_job(store, bert_folder, settings=settings, promote=Promotion.ALWAYS), store)
    live = store.deployments.live(MTOD, BASE)
    assert live is not None
    assert live.checkpoint_id == outcome.checkpoint_id
    assert "though not better" in live.reason


def test_bases_of_two_languages_are_not_compared(store: Store, bert_folder: Path) -> None:
    first = only_base(store)
    job = pretrain_job(store, bert_folder, source_language="es", dataset_id=put(store, spanish(), "es"))
    outcome = done(job, store)
    live = store.deployments.live(MTOD, BASE)
    assert live is not None
    assert live.checkpoint_id == first
    assert "made from 'en'" in outcome.report.decision.reason
    assert outcome.report.baselines == ()


def test_evaluation_data_that_is_given_is_what_it_is_measured_on(
    empty_store: Store, bert_folder: Path
) -> None:
    held = put(empty_store, english()[::5], "en")
    job = pretrain_job(empty_store, bert_folder, evaluation_dataset_id=held)
    report = done(job, empty_store).report
    assert report.data == {"train": 30, "evaluation": 6}
    assert report.dataset_ids == {"source": job.dataset_id, "evaluation": held}


def test_progress_never_goes_back_and_ends_at_a_hundred(empty_store: Store, bert_folder: Path) -> None:
    told = told_by(pretrain_job(empty_store, bert_folder), empty_store)
    percents = [one.percent for one in told]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0
    assert list(dict.fromkeys(one.stage for one in told)) == ["pre", "evaluate"]


@pytest.mark.parametrize(
    ("stage", "step"), [("pre", 0), ("pre", 1), ("pre", 30), ("evaluate", 0), ("evaluate", 1)]
)
def test_a_job_that_is_cancelled_leaves_nothing(
    stage: str, step: int, store: Store, store_folder: Path, bert_folder: Path
) -> None:
    job = pretrain_job(store, bert_folder, promote=Promotion.ALWAYS)
    before = files_in(store_folder)
    with pytest.raises(JobCancelled):
        done(job, store, stopping_at(stage, step))
    assert files_in(store_folder) == before


def test_an_encoder_that_cannot_be_had_is_told_by_its_place(empty_store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        done(pretrain_job(empty_store, tmp_path / "nowhere"), empty_store)
    assert [fault.pointer for fault in caught.value.faults] == ["/encoder"]


def test_data_that_is_not_in_the_store_is_told(empty_store: Store, bert_folder: Path) -> None:
    with pytest.raises(NotFound, match="no dataset 'missing'"):
        done(pretrain_job(empty_store, bert_folder, dataset_id="missing"), empty_store)
