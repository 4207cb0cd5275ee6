from pathlib import Path
from typing import Any

import pytest

from core.contracts.jobs import JobKind, JobRecord, JobStatus, Problem, Progress
from core.contracts.values import TaskName
from core.errors import NotFound, TrainingDiverged
from core.jobqueue.counters import Trained
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
    def test_the_pipeline_gets_a_record_that_is_marked_as_running(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        seen: list[JobRecord] = []

        def looking(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> FakeOutcome:
            assert device == "cpu"
            seen.append(store.jobs.load(record.job_id))
            return fake_pipeline(record, store=store, device=device, monitor=monitor)

        store.jobs.save(adapt_record("marked"))
        perform("marked", WorkerContext(queue, context.store_url, device="cpu", pipeline=looking))
        assert (seen[0].status, seen[0].attempts) == (JobStatus.RUNNING, 1)
        assert seen[0].started_at is not None

    def test_the_record_returned_is_the_one_stored(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("stored"))
        assert perform("stored", context) == store.jobs.load("stored")

    def test_another_attempt_is_counted(self, context: WorkerContext, store: Store) -> None:
        before = adapt_record("again").model_copy(update={"status": JobStatus.RUNNING, "attempts": 1})
        store.jobs.save(before)
        assert perform("again", context).attempts == 2

    @pytest.mark.parametrize("status", [status for status in JobStatus if status.is_final])
    def test_a_job_that_has_ended_is_left_as_it_is(
        self, context: WorkerContext, store: Store, status: JobStatus
    ) -> None:
        ended = adapt_record(f"ended-{status}").model_copy(update={"status": status})
        store.jobs.save(ended)
        assert perform(ended.job_id, without_pipeline(context)) == ended
        assert store.jobs.events(ended.job_id) == []

    def test_a_job_cancelled_before_it_began_never_runs(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("early"))
        queue.cancel("early")
        record = perform("early", without_pipeline(context))
        assert (record.status, record.attempts, record.started_at) == (JobStatus.CANCELLED, 0, None)
        assert record.ended_at is not None

    def test_a_job_cancelled_after_it_was_concluded_is_brought_to_its_end(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("late").model_copy(update={"attempts": 1}))
        store.jobs.save_outcome("late", report())
        queue.cancel("late")
        looking = WorkerContext(queue, context.store_url, device="cpu", pipeline=without_monitor)
        assert perform("late", looking).status is JobStatus.SUCCEEDED

    @pytest.mark.parametrize(
        "overtaking", [{"attempts": 2}, {"status": JobStatus.SUCCEEDED, "checkpoint_id": "theirs"}]
    )
    def test_an_attempt_that_was_overtaken_changes_nothing(
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

    def test_a_job_that_failed_keeps_how_far_it_was(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("far", "diverges"))
        record = perform("far", context)
        assert (record.status, record.progress.stage) == (JobStatus.FAILED, "begin")
        assert record.report is None

    @pytest.mark.parametrize(
        ("behaviour", "outcome"), [("succeeds", JobStatus.SUCCEEDED), ("diverges", JobStatus.FAILED)]
    )
    def test_an_ended_job_is_counted_once(
        self, queue: JobQueue, context: WorkerContext, store: Store, behaviour: str, outcome: JobStatus
    ) -> None:
        counted = (JobKind.ADAPT, TaskName.MTOD, outcome)
        before = queue.counters.values().jobs.get(counted, 0)
        store.jobs.save(adapt_record(f"counted-{behaviour}", behaviour))
        perform(f"counted-{behaviour}", context)
        close_failed_job(f"counted-{behaviour}", PROBLEM, context)
        assert queue.counters.values().jobs[counted] == before + 1

    def test_all_that_was_trained_is_counted(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        stage = (TaskName.MTOD, "meta-train")
        before = queue.counters.values().training.get(stage, Trained()).steps
        store.jobs.save(adapt_record("trained"))
        perform("trained", context)
        assert queue.counters.values().training[stage].steps == before + STEPS

    def test_a_job_nobody_knows_is_an_error(self, context: WorkerContext) -> None:
        with pytest.raises(NotFound):
            perform("unknown", context)

    def test_rq_is_given_json(self, context: WorkerContext, store: Store) -> None:
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


class TestSettle:
    def test_the_record_of_a_dead_job_is_closed(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("dead").model_copy(update={"status": JobStatus.RUNNING}))
        queue.report("dead", Progress(percent=40, stage="meta-train"))
        close_failed_job("dead", PROBLEM, context)
        record = store.jobs.load("dead")
        assert (record.status, record.error, record.progress.percent) == (JobStatus.FAILED, PROBLEM, 40)
        assert [event.data for event in store.jobs.events("dead")][-1] == {"status": "failed"}

    def test_a_dead_job_that_was_to_stop_is_cancelled(
        self, queue: JobQueue, context: WorkerContext, store: Store
    ) -> None:
        store.jobs.save(adapt_record("stopped"))
        queue.cancel("stopped")
        close_failed_job("stopped", PROBLEM, context)
        record = store.jobs.load("stopped")
        assert (record.status, record.error) == (JobStatus.CANCELLED, None)

    def test_a_closed_record_stays(self, context: WorkerContext, store: Store) -> None:
        store.jobs.save(adapt_record("closed"))
        succeeded = perform("closed", context)
        close_failed_job("closed", PROBLEM, context)
        assert store.jobs.load("closed") == succeeded

    def test_a_record_can_be_closed_without_redis(self, tmp_path: Path, store: Store) -> None:
        absent = JobQueue.connect(f"unix://{tmp_path}/none.sock")
        store.jobs.save(adapt_record("alone"))
        close_failed_job("alone", PROBLEM, WorkerContext(absent, str(tmp_path / "store"), pipeline=forbidden))
        assert store.jobs.load("alone").error == PROBLEM

    def test_a_job_without_a_record_is_no_reason_to_die(self, context: WorkerContext) -> None:
        close_failed_job("unknown", PROBLEM, context)
