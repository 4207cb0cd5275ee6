"""Jobs in subprocesses, and their reports as rows of a table."""

import json
import multiprocessing
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from core.contracts.evaluations import Evaluation
from core.contracts.jobs import AdaptJob, JobKind, JobRecord, PretrainJob, Progress
from core.contracts.reports import Report
from core.contracts.values import now
from core.store import Store
from core.system.compute import configure_computing

RunResult = tuple[Evaluation, float, int]
"""Scores, seconds of training, and peak memory in bytes."""


def run(job: AdaptJob | PretrainJob, path: Path, *, threads: int) -> Report:
    """Run a job in a new process, which measures its peak memory, and write its report.

    Args:
        job: The job; its datasets are in the store beside the report.
        path: Path of the report; if it exists, it is returned and the job is not run again.
        threads: Number of compute threads; 0 for all cores.
    """
    if path.exists():
        return read_report(path)
    record = JobRecord(
        job_id=f"benchmark-{path.stem.replace('.', '-')}",
        kind=JobKind(job.kind),
        task=job.task,
        language=job.language if isinstance(job, AdaptJob) else job.source_language,
        request=job,
        created_at=now(),
    )
    print(f"{path.stem} …", flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        report = pool.submit(_child_main, record, str(path.parent / "store"), threads).result()
    path.write_text(report.model_dump_json(indent=1), encoding="utf-8")
    print(f"  {_scores(report.result.evaluation)}  {report.wall_seconds:.0f} s", flush=True)
    return report


def read_report(path: Path) -> Report:
    """Read a report."""
    return Report.model_validate_json(path.read_text(encoding="utf-8"))


def run_result(report: Report) -> RunResult:
    """Return the numbers of a report for a row."""
    return report.result.evaluation, report.result.train_seconds, report.peak_memory_bytes


def row(cell: Sequence[str], runs: Sequence[RunResult]) -> str:
    """Return a line of a Markdown table: mean ± standard deviation over runs."""
    headlines = [evaluation.headline for evaluation, _, _ in runs]
    rates = [spread([100 * headline[name] for headline in headlines]) for name in headlines[0]]
    seconds = statistics.mean(train for _, train, _ in runs)
    memory = max(peak for _, _, peak in runs) / 2**20
    return f"| {' | '.join(cell)} | {len(runs)} | {' | '.join(rates)} | {seconds:.0f} | {memory:.0f} |"


def header(names: Sequence[str]) -> list[str]:
    """Return the header of a Markdown table."""
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]


def spread(values: Sequence[float]) -> str:
    """Return mean ± standard deviation, or a single value."""
    mean = statistics.mean(values)
    return f"{mean:.1f}" if len(values) == 1 else f"{mean:.1f} ± {statistics.stdev(values):.1f}"


def _child_main(record: JobRecord, store_url: str, threads: int) -> Report:
    """Run a job in the child process, where the threads must be set before torch is imported."""
    configure_computing(threads)
    from core.pipeline import run as run_job  # noqa: PLC0415 - torch must be imported after the threads are set

    return run_job(record, store=Store(store_url), device="auto", monitor=_Printer()).report


class _Printer:
    """Monitor that prints a line of progress every half minute."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 30
            print(
                f"  {progress.percent:5.1f} % {progress.stage} {progress.step}/{progress.total_steps}",
                flush=True,
            )


def _scores(evaluation: Evaluation) -> str:
    return json.dumps({name: round(100 * rate, 2) for name, rate in evaluation.headline.items()})
