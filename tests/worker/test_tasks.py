from pathlib import Path
from typing import Any

import pytest

from core.contracts.jobs import JobKind, JobRecord, JobStatus, Problem, Progress
from core.contracts.values import MTOD
from core.errors import NotFound, TrainingDiverged
from core.jobqueue.counters import StageTotals
from core.jobqueue.queue import JobQueue
from core.progress import Monitor
from core.store import Store
from tests.worker.fakes import STEPS, FakeOutcome, adapt_record, fake_pipeline, report
from worker.tasks import WORKER_CONTEXT, WorkerContext, close_failed_job, perform, run_job

PROBLEM = Problem(title="The worker died", detail="It did.")


@pytest.fixture
def context(queue: JobQueue, tmp_path: Path) -> WorkerContext:
    return WorkerContext(queue=queue, store_url=str(tmp_path / "store"), device="cpu", pipeline=fake_pipeline)


@pytest.fixture
def store(context: WorkerContext) -> Store:
    return Store(context.store_url)


def forbidden(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> FakeOutcome:
    raise AssertionError("this job must not run")


def without_monitor(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> FakeOutcome:
    return FakeOutcome(checkpoint_id="concluded", report=report())


def without_pipeline(context: WorkerContext) -> WorkerContext:
    return WorkerContext(queue=context.queue, store_url=context.store_url, pipeline=forbidden)


class TestPerform:
    def test_marks_the_record_as_running_before_the_pipeline(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        records: list[JobRecord] = []

        def observe(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> FakeOutcome:
            assert device == "cpu"
            records.append(store.jobs.load(record.job_id))
            return fake_pipeline(record, store=store, device=device, monitor=monitor)

        store.jobs.save(adapt_record("marked"))
        perform("marked", WorkerContext(queue, context.store_url, device="cpu", pipeline=observe))
        assert (records[0].status, records[0].attempts) == (JobStatus.RUNNING, 1)
        assert records[0].started_at is not None

    def test_returns_the_stored_record(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("stored"))
        assert perform("stored", context) == store.jobs.load("stored")

    def test_counts_attempts(self, context: WorkerContext, store: Store) -> None:
        before = adapt_record("again").model_copy(update={"status": JobStatus.RUNNING, "attempts": 1})
        store.jobs.save(before)
        assert perform("again", context).attempts == 2

    @pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
    def test_leaves_a_finished_job_unchanged(
        self, context: WorkerContext, store: Store, status: JobStatus
    ) -> None:
        finished = adapt_record(f"ended-{status}").model_copy(update={"status": status})
        store.jobs.save(finished)
        assert perform(finished.job_id, without_pipeline(context)) == finished
        assert store.jobs.events(finished.job_id) == []

    def test_never_runs_a_job_cancelled_before_its_start(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("early"))
        queue.cancel("early")
        record = perform("early", without_pipeline(context))
        assert (record.status, record.attempts, record.started_at) == (JobStatus.CANCELLED, 0, None)
        assert record.ended_at is not None

    def test_completes_a_cancelled_job_that_has_a_stored_outcome(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("late").model_copy(update={"attempts": 1}))
        store.jobs.save_outcome("late", report())
        queue.cancel("late")
        observe = WorkerContext(queue, context.store_url, device="cpu", pipeline=without_monitor)
        assert perform("late", observe).status is JobStatus.SUCCEEDED

    @pytest.mark.parametrize(
        "overtaking", [{"attempts": 2}, {"status": JobStatus.SUCCEEDED, "checkpoint_id": "theirs"}]
    )
    def test_leaves_the_record_of_a_newer_attempt_unchanged(
        self, queue: JobQueue, context: WorkerContext, store: Store, overtaking: dict[str, Any]
    ) -> None:
        store.jobs.save(adapt_record("slow"))

        def overtaken(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> FakeOutcome:
            store.jobs.save(record.model_copy(update=overtaking))
            raise TrainingDiverged("of the slow one")

        record = perform("slow", WorkerContext(queue, context.store_url, device="cpu", pipeline=overtaken))
        assert record == store.jobs.load("slow")
        assert record.error is None
        assert {name: getattr(record, name) for name in overtaking} == overtaking

    def test_keeps_the_progress_of_a_failed_job(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("far", "diverges"))
        record = perform("far", context)
        assert (record.status, record.progress.stage) == (JobStatus.FAILED, "begin")
        assert record.report is None

    @pytest.mark.parametrize(
        ("behaviour", "outcome"), [("succeeds", JobStatus.SUCCEEDED), ("diverges", JobStatus.FAILED)]
    )
    def test_counts_a_finished_job_once(
        self, queue: JobQueue, context: WorkerContext, store: Store, behaviour: str, outcome: JobStatus
    ) -> None:
        counted = (JobKind.ADAPT, MTOD, outcome)
        before = queue.counters.values().jobs.get(counted, 0)
        store.jobs.save(adapt_record(f"counted-{behaviour}", behaviour))
        perform(f"counted-{behaviour}", context)
        close_failed_job(f"counted-{behaviour}", PROBLEM, context)
        assert queue.counters.values().jobs[counted] == before + 1

    def test_counts_all_training_steps(self, queue: JobQueue, context: WorkerContext, store: Store) -> None:
        stage = (MTOD, "meta-train")
        before = queue.counters.values().training.get(stage, StageTotals()).steps
        store.jobs.save(adapt_record("trained"))
        perform("trained", context)
        assert queue.counters.values().training[stage].steps == before + STEPS

    def test_raises_not_found_for_an_unknown_job(self, context: WorkerContext) -> None:
        with pytest.raises(NotFound):
            perform("unknown", context)

    def test_run_job_returns_a_json_summary(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("json"))
        token = WORKER_CONTEXT.set(context)
        try:
            assert run_job("json") == {
                "job_id": "json",
                "status": "succeeded",
                "checkpoint_id": "checkpoint-of-json",
            }
        finally:
            WORKER_CONTEXT.reset(token)


class TestCloseFailedJob:
    def test_closes_the_record_as_failed(self, queue: JobQueue, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("dead").model_copy(update={"status": JobStatus.RUNNING}))
        queue.report("dead", Progress(percent=40, stage="meta-train"))
        close_failed_job("dead", PROBLEM, context)
        record = store.jobs.load("dead")
        assert (record.status, record.error, record.progress.percent) == (JobStatus.FAILED, PROBLEM, 40)
        assert [event.data for event in store.jobs.events("dead")][-1] == {"status": "failed"}

    def test_closes_a_cancelled_job_as_cancelled(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("stopped"))
        queue.cancel("stopped")
        close_failed_job("stopped", PROBLEM, context)
        record = store.jobs.load("stopped")
        assert (record.status, record.error) == (JobStatus.CANCELLED, None)

    def test_leaves_a_closed_record_unchanged(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("closed"))
        succeeded = perform("closed", context)
        close_failed_job("closed", PROBLEM, context)
        assert store.jobs.load("closed") == succeeded

    def test_closes_the_record_without_redis(self, tmp_path: Path, store: Store) -> None:
        absent = JobQueue.connect(f"unix://{tmp_path}/none.sock")
        store.jobs.save(adapt_record("alone"))
        close_failed_job("alone", PROBLEM, WorkerContext(absent, str(tmp_path / "store"), pipeline=forbidden))
        assert store.jobs.load("alone").error == PROBLEM

    def test_ignores_a_job_without_a_record(self, context: WorkerContext) -> None:
        close_failed_job("unknown", PROBLEM, context)
