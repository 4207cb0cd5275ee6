"""Test the pipeline as a whole: reproducibility, devices and resumed jobs."""

from pathlib import Path

import pytest

from core.contracts.hyperparameters import InnerLoop, MetaSettings
from core.contracts.jobs import AdaptJob, JobRecord, PretrainJob
from core.contracts.values import MTOD, Method, Promotion, now
from core.errors import InvalidInput
from core.pipeline import run
from core.store import Store
from core.store.deployments import Deployments
from tests.core.pipeline.small_jobs import (
    QUICK,
    adapt_job,
    only_base_id,
    pretrain_job,
    run_job,
    weights_sha256,
)


def test_weights_are_reproducible_by_seed(tmp_path: Path, bert_folder: Path, one_thread: None) -> None:
    first, second = (
        _weights_of_new_models(Store(str(tmp_path / name)), bert_folder) for name in ("one", "two")
    )
    assert first == second
    assert len(set(first)) == 1 + len(Method) - 1, (
        "a base and the methods, of which best is one of the others"
    )


def _weights_of_new_models(store: Store, encoder: Path) -> list[str]:
    """Train a base and adapt it by every method; return the hashes of the weights."""
    base = run_job(pretrain_job(store, encoder), store)
    methods = [run_job(adapt_job(store, base.checkpoint_id, method=method), store) for method in Method]
    return [weights_sha256(store, outcome.checkpoint_id) for outcome in (base, *methods)]


def test_weights_depend_on_seed(store: Store) -> None:
    base = only_base_id(store)
    other = QUICK.model_copy(update={"seed": 7})
    first = run_job(adapt_job(store, base), store)
    second = run_job(adapt_job(store, base, hyperparameters=other), store)
    assert weights_sha256(store, first.checkpoint_id) != weights_sha256(store, second.checkpoint_id)


def test_baselines_do_not_change_result(store: Store, one_thread: None) -> None:
    base = only_base_id(store)
    alone = run_job(adapt_job(store, base), store)
    beside = run_job(adapt_job(store, base, baselines=(Method.X_METRA_ADA,)), store)
    assert weights_sha256(store, alone.checkpoint_id) == weights_sha256(store, beside.checkpoint_id)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_every_inner_loop_runs_end_to_end(inner_loop: InnerLoop, store: Store) -> None:
    meta = MetaSettings(
        inner_loop=inner_loop, meta_train_steps=2, meta_adapt_steps=1, meta_batch_size=1, inner_steps=2
    )
    hyperparameters = QUICK.model_copy(update={"meta": meta})
    job = adapt_job(store, only_base_id(store), method=Method.X_METRA_ADA, hyperparameters=hyperparameters)
    assert run_job(job, store).report.result.name == "x-metra-ada"


@pytest.mark.parametrize("kind", ["pretrain", "adapt"])
def test_run_raises_before_work_when_device_is_missing(kind: str, store: Store, bert_folder: Path) -> None:
    request: AdaptJob | PretrainJob = (
        pretrain_job(store, bert_folder) if kind == "pretrain" else adapt_job(store, only_base_id(store))
    )
    record = _record(request)
    events: list[object] = []
    with pytest.raises(InvalidInput) as error:
        run(record, store=store, device="abacus", monitor=events.append)
    assert [fault.pointer for fault in error.value.faults] == ["/device"]
    assert events == []


def test_run_resumes_job_interrupted_before_deployment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    record = _record(adapt_job(store, only_base_id(store), promote=Promotion.ALWAYS))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Deployments, "deploy", _interrupt)
        run(record, store=store, device="cpu", monitor=lambda _: None)
    stored_report = store.jobs.load_outcome(record.job_id)
    assert stored_report is not None
    checkpoint_count = len(store.checkpoints.list(MTOD))

    resumed = run(record, store=store, device="cpu", monitor=lambda _: None)

    assert resumed.report == stored_report
    assert len(store.checkpoints.list(MTOD)) == checkpoint_count
    deployment = store.deployments.live(MTOD, "es")
    assert deployment is not None
    assert (deployment.checkpoint_id, deployment.job_id) == (resumed.checkpoint_id, record.job_id)


def test_run_does_not_deploy_twice(store: Store) -> None:
    record = _record(adapt_job(store, only_base_id(store), promote=Promotion.ALWAYS))
    first = run(record, store=store, device="cpu", monitor=lambda _: None)
    resumed = run(record, store=store, device="cpu", monitor=lambda _: None)
    assert resumed == first
    assert [deployment.job_id for deployment in store.deployments.history(MTOD, "es")] == [record.job_id]


def test_outcome_is_not_stored_without_deployment(store: Store) -> None:
    record = _record(adapt_job(store, only_base_id(store), promote=Promotion.NEVER))
    run(record, store=store, device="cpu", monitor=lambda _: None)
    assert store.jobs.load_outcome(record.job_id) is None


def _record(request: AdaptJob | PretrainJob) -> JobRecord:
    return JobRecord(
        job_id="job-1",
        kind=request.kind,
        task=request.task,
        language="es",
        request=request,
        created_at=now(),
    )


def _interrupt(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt
