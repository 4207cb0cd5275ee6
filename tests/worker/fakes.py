"""Job records, and a pipeline without a model whose behaviour is named by the job's dataset id."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.contracts.evaluations import MtodEvaluation
from core.contracts.jobs import AdaptJob, JobKind, JobRecord, Progress
from core.contracts.reports import Candidate, PromotionDecision, Report
from core.contracts.values import MTOD, now
from core.errors import Fault, InvalidInput, TrainingDiverged
from core.progress import Monitor
from core.store import Store

STEPS = 5


@dataclass(frozen=True)
class FakeOutcome:
    checkpoint_id: str
    report: Report


def adapt_record(job_id: str, behaviour: str = "succeeds") -> JobRecord:
    request = AdaptJob(task=MTOD, language="es", dataset_id=behaviour, base_id="base-1")
    return JobRecord(
        job_id=job_id,
        kind=JobKind.ADAPT,
        task=MTOD,
        language="es",
        request=request,
        created_at=now(),
    )


def report() -> Report:
    evaluation = MtodEvaluation(examples=10, intent_accuracy=0.9, slot_f1=0.8, exact_match=0.7)
    return Report(
        data={"train": 40, "evaluation": 10},
        dataset_ids={"target": "succeeds"},
        result=Candidate(name="x-metra-ada", evaluation=evaluation),
        decision=PromotionDecision(promoted=True, reason="better than nothing"),
        verdict="It learnt.",
        seed=42,
        versions={"torch": "none"},
        device="none",
        wall_seconds=0.1,
        peak_memory_bytes=1,
    )


def fake_pipeline(record: JobRecord, *, store: Store, device: str, monitor: Monitor) -> FakeOutcome:
    monitor(Progress(stage="begin", metrics={"pid": float(os.getpid())}))
    BEHAVIOURS[record.request.dataset_id](monitor)
    return FakeOutcome(checkpoint_id=f"checkpoint-of-{record.job_id}", report=report())


def succeed(monitor: Monitor) -> None:
    for step in range(1, STEPS + 1):
        monitor(
            Progress(
                percent=90 * step / STEPS,
                stage="meta-train",
                step=step,
                total_steps=STEPS,
                metrics={"query_loss": 1 / step},
            )
        )


def diverge(monitor: Monitor) -> None:
    raise TrainingDiverged("the loss of step 3 of meta-train is not a number")


def find_faults(monitor: Monitor) -> None:
    raise InvalidInput(
        [Fault("/examples/3", "the text is empty"), Fault("/examples/7", "unknown intent 'x'")]
    )


def break_down(monitor: Monitor) -> None:
    raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def run_long(monitor: Monitor) -> None:
    for step in range(3_000):
        monitor(Progress(percent=step / 30, stage="meta-train", step=step, total_steps=3_000))
        time.sleep(0.02)


def run_for_three_seconds(monitor: Monitor) -> None:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        monitor(Progress(percent=50, stage="meta-train"))
        time.sleep(0.02)


def ignore_cancellation(monitor: Monitor) -> None:
    time.sleep(60)


def swallow_timeouts(monitor: Monitor) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(1)
        except Exception:  # noqa: BLE001  what a careless library does
            continue


def kill_itself(monitor: Monitor) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_silently(monitor: Monitor) -> None:
    os._exit(3)


BEHAVIOURS: dict[str, Callable[[Monitor], None]] = {
    "succeeds": succeed,
    "diverges": diverge,
    "faulty": find_faults,
    "breaks": break_down,
    "long": run_long,
    "three-seconds": run_for_three_seconds,
    "ignores-cancellation": ignore_cancellation,
    "swallows": swallow_timeouts,
    "killed": kill_itself,
    "leaves": exit_silently,
}
