"""The pipeline as a whole: two runs with one seed, and where they run."""

from pathlib import Path

import pytest

from core.contracts.hyperparameters import InnerLoop, MetaSettings
from core.contracts.jobs import AdaptJob, JobRecord, PretrainJob
from core.contracts.values import Method, Promotion, TaskName, now
from core.errors import InvalidInput
from core.pipeline import run
from core.store import Store
from core.store.deployments import Deployments
from tests.core.pipeline.workshop import QUICK, adapt_job, done, only_base, pretrain_job, weights_of


def test_two_pipelines_with_one_seed_make_the_same_weights(
    tmp_path: Path, bert_folder: Path, one_thread: None
) -> None:
    first, second = (_from_nothing(Store(str(tmp_path / name)), bert_folder) for name in ("one", "two"))
    assert first == second
    assert len(set(first)) == 1 + len(Method) - 1, (
        "a base and the methods, of which best is one of the others"
    )


def _from_nothing(store: Store, encoder: Path) -> list[str]:
    """Make a base and two adaptations; return the hashes of their weights."""
    base = done(pretrain_job(store, encoder), store)
    methods = [done(adapt_job(store, base.checkpoint_id, method=method), store) for method in Method]
    return [weights_of(store, outcome.checkpoint_id) for outcome in (base, *methods)]


def test_another_seed_makes_other_weights(store: Store) -> None:
    base = only_base(store)
    other = QUICK.model_copy(update={"seed": 7})
    first = done(adapt_job(store, base), store)
    second = done(adapt_job(store, base, hyperparameters=other), store)
    assert weights_of(store, first.checkpoint_id) != weights_of(store, second.checkpoint_id)


def test_what_is_trained_beside_does_not_change_the_result(store: Store, one_thread: None) -> None:
    base = only_base(store)
    alone = done(adapt_job(store, base), store)
    beside = done(adapt_job(store, base, baselines=(Method.X_METRA_ADA,)), store)
    assert weights_of(store, alone.checkpoint_id) == weights_of(store, beside.checkpoint_id)


@pytest.mark.parametrize("inner_loop", InnerLoop)
def test_every_inner_loop_runs_from_end_to_end(inner_loop: InnerLoop, store: Store) -> None:
    meta = MetaSettings(
        inner_loop=inner_loop, meta_train_steps=2, meta_adapt_steps=1, meta_batch_size=1, inner_steps=2
    )
    hyperparameters = QUICK.model_copy(update={"meta": meta})
    job = adapt_job(store, only_base(store), method=Method.X_METRA_ADA, hyperparameters=hyperparameters)
    assert done(job, store).report.result.name == "x-metra-ada"


@pytest.mark.parametrize("kind", ["pretrain", "adapt"])
def test_a_device_that_is_not_there_is_told_before_anything_is_done(
    kind: str, store: Store, bert_folder: Path
) -> None:
    request: AdaptJob | PretrainJob = (
        pretrain_job(store, bert_folder) if kind == "pretrain" else adapt_job(store, only_base(store))
    )
    record = _record(request)
    told: list[object] = []
    with pytest.raises(InvalidInput) as caught:
        run(record, store=store, device="abacus", monitor=told.append)
    assert [fault.pointer for fault in caught.value.faults] == ["/device"]
    assert told == []


def test_a_job_that_was_killed_before_it_deployed_goes_on_from_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = _record(adapt_job(store, only_base(store), promote=Promotion.ALWAYS))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Deployments, "deploy", _die)
        run(record, store=store, device="cpu", monitor=lambda _: None)
    concluded = store.jobs.load_outcome(record.job_id)
    assert concluded is not None
    made = len(store.checkpoints.list(TaskName.MTOD))

    again = run(record, store=store, device="cpu", monitor=lambda _: None)

    assert again.report == concluded
    assert len(store.checkpoints.list(TaskName.MTOD)) == made
    live = store.deployments.live(TaskName.MTOD, "es")
    assert live is not None
    assert (live.checkpoint_id, live.job_id) == (again.checkpoint_id, record.job_id)


def test_a_job_that_was_killed_after_it_deployed_deploys_no_second_time(store: Store) -> None:
    record = _record(adapt_job(store, only_base(store), promote=Promotion.ALWAYS))
    first = run(record, store=store, device="cpu", monitor=lambda _: None)
    again = run(record, store=store, device="cpu", monitor=lambda _: None)
    assert again == first
    assert [one.job_id for one in store.deployments.history(TaskName.MTOD, "es")] == [record.job_id]


def test_what_does_not_serve_is_not_written_down_before(store: Store) -> None:
    record = _record(adapt_job(store, only_base(store), promote=Promotion.NEVER))
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


def _die(*arguments: object, **options: object) -> None:
    raise KeyboardInterrupt
