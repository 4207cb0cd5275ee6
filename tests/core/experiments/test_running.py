"""Execution of a small experiment: complete, resumed and retried."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.contracts.hyperparameters import Schedule
from core.contracts.jobs import Progress
from core.contracts.reports import Report
from core.contracts.values import BASE, MTOD, Promotion, Trainable
from core.experiments.folder import Folder
from core.experiments.records import BaseRun, Failure, Run
from core.experiments.results import gather_results
from core.experiments.sampling import Draw
from core.store import Store
from tests.core.experiments.small_experiments import experiment, failing_method, recording_jobs, run

pytestmark = pytest.mark.usefixtures("one_thread")


class Killed(BaseException):
    """Simulates the end of a process."""


def killed_in(key: str) -> Callable[[Progress], None]:
    """Return a monitor that raises in the middle of a run."""

    def monitor(progress: Progress) -> None:
        if progress.stage.startswith(f"{key}: ") and progress.step > 1:
            raise Killed

    return monitor


def reports(folder: Folder) -> dict[str, Report]:
    return {run.cell.key: run.report for run in gather_results(folder).runs}


def random_parts(folder: Folder) -> dict[str, object]:
    """Return the parts of every report that depend on random random_parts."""
    return {
        key: (report.result.evaluation, report.baselines[0].evaluation, report.curves)
        for key, report in reports(folder).items()
    }


KEYS = [
    "es.ft.full.seed-42",
    "es.x-metra-ada.full.seed-42",
    "es.ft.full.seed-35",
    "es.x-metra-ada.full.seed-35",
]


@pytest.fixture(scope="module")
def uninterrupted(bert_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Return an uninterrupted experiment of two methods and two seeds, which tests must not change."""
    folder = Folder(tmp_path_factory.mktemp("uninterrupted"))
    run(experiment(bert_folder), data, folder)
    return folder


def test_run_experiment_writes_every_run_with_cell_job_and_report(uninterrupted: Folder) -> None:
    assert sorted(path.name for path in (uninterrupted.root / "runs").iterdir()) == sorted(
        f"{key}.json" for key in KEYS
    )
    for key in KEYS:
        stored = uninterrupted.read(uninterrupted.run(key), Run)
        assert stored is not None
        assert stored.cell.key == key
        assert stored.report.result.name == stored.job.method == stored.cell.method
        assert stored.report.seed == stored.job.hyperparameters.seed == stored.cell.seed
        assert stored.report.data["train"] == 12
        assert stored.job.promote is Promotion.NEVER


def test_run_experiment_trains_one_base_for_all_runs(uninterrupted: Folder) -> None:
    base = uninterrupted.read(uninterrupted.run("base"), BaseRun)
    assert base is not None
    base_ids = {run.job.base_id for run in gather_results(uninterrupted).runs}
    assert base_ids == {base.report.result.checkpoint_id}
    assert base.job.settings.epochs == 4


def test_run_experiment_deploys_nothing(uninterrupted: Folder) -> None:
    deployments = Store(uninterrupted.store).deployments
    assert deployments.live(MTOD, "es") is None
    assert deployments.live(MTOD, BASE) is None


def test_run_experiment_is_deterministic_for_a_seed(
    uninterrupted: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    run(experiment(bert_folder, seeds=(35,)), data, folder)
    expected = random_parts(uninterrupted)
    assert random_parts(folder) == {key: expected[key] for key in KEYS[2:]}
    assert expected[KEYS[0]] != expected[KEYS[2]]


def test_run_experiment_resumes_an_interrupted_run_with_equal_results(
    uninterrupted: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    specification = experiment(bert_folder)
    with pytest.raises(Killed):
        run(specification, data, folder, monitor=killed_in(KEYS[1]))
    assert list(reports(folder)) == KEYS[:1]
    job_ids: list[str] = []
    assert run(specification, data, folder, wrap=recording_jobs(job_ids)) == []
    assert job_ids == [key.replace(".", "-") for key in KEYS[1:]]
    assert random_parts(folder) == random_parts(uninterrupted)


def test_run_experiment_restarts_an_interrupted_base(bert_folder: Path, data: Path, folder: Folder) -> None:
    specification = experiment(bert_folder, methods=("ft",), seeds=(42,))
    with pytest.raises(Killed):
        run(specification, data, folder, monitor=killed_in("base"))
    assert not folder.run("base").exists()
    job_ids: list[str] = []
    run(specification, data, folder, wrap=recording_jobs(job_ids))
    assert job_ids == ["base", "es-ft-full-seed-42"]


def test_run_experiment_runs_nothing_when_finished(bert_folder: Path, data: Path, finished: Folder) -> None:
    specification = experiment(bert_folder, seeds=(42,), shots=(2,), shares=(0.5, 1), draws=2)
    job_ids: list[str] = []
    assert run(specification, data, finished, wrap=recording_jobs(job_ids)) == []
    assert job_ids == []


def test_run_experiment_records_failures_and_continues(
    uninterrupted: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    specification = experiment(bert_folder)
    failures = run(specification, data, folder, wrap=failing_method("ft"))
    assert [failure.key for failure in failures] == [KEYS[0], KEYS[2]]
    assert list(reports(folder)) == [KEYS[1], KEYS[3]]
    stored = folder.read(folder.root / "runs" / f"{KEYS[0]}.error.json", Failure)
    assert stored == failures[0]
    assert (stored.error.kind, stored.error.reason) == ("TrainingDiverged", "the loss of step 3 is nan")
    assert gather_results(folder).failures == tuple(failures)


def test_run_experiment_retries_failed_runs(
    uninterrupted: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    specification = experiment(bert_folder, seeds=(42,))
    run(specification, data, folder, wrap=failing_method("ft"))
    job_ids: list[str] = []
    assert run(specification, data, folder, wrap=recording_jobs(job_ids)) == []
    assert job_ids == ["es-ft-full-seed-42"]
    assert not folder.error(KEYS[0]).exists()
    expected = random_parts(uninterrupted)
    assert random_parts(folder) == {key: expected[key] for key in KEYS[:2]}


def test_run_experiment_stops_when_the_base_fails(data: Path, folder: Folder) -> None:
    specification = experiment(Path("nowhere/at/all"))
    (failure,) = run(specification, data, folder)
    assert (failure.key, failure.cell) == ("base", None)
    assert "nowhere/at/all" in failure.error.reason
    assert folder.error("base").exists()
    assert reports(folder) == {}


def test_run_experiment_extends_an_earlier_grid(bert_folder: Path, data: Path, folder: Folder) -> None:
    run(experiment(bert_folder, seeds=(42,), methods=("ft",)), data, folder)
    job_ids: list[str] = []
    run(experiment(bert_folder, seeds=(35,), methods=("mono",)), data, folder, wrap=recording_jobs(job_ids))
    assert job_ids == ["es-mono-full-seed-35"]
    assert list(reports(folder)) == ["es.ft.full.seed-42", "es.mono.full.seed-35"]


def test_run_experiment_trains_limited_runs_on_their_draw(finished: Folder) -> None:
    for key, examples in (
        ("es.ft.full.seed-42", 12),
        ("es.ft.2-shots.draw-1.seed-42", 6),
        ("es.ft.50-percent.draw-0.seed-42", 6),
    ):
        stored = finished.read(finished.run(key), Run)
        assert stored is not None
        draw = finished.read(finished.draw(f"es.{stored.cell.amount}.{stored.cell.draw}"), Draw)
        assert draw is not None
        assert stored.job.dataset_id == draw.few_shot.dataset_id
        assert stored.report.data["train"] == len(draw.few_shot.rows) == examples


def test_run_experiment_passes_trainable_and_schedule_to_the_job(
    bert_folder: Path, data: Path, folder: Folder
) -> None:
    specification = experiment(
        bert_folder, methods=("x-metra-ada",), seeds=(42,), trainable=("heads",), schedules=("interleaved",)
    )
    assert run(specification, data, folder) == []
    stored = folder.read(folder.run("es.x-metra-ada.full.seed-42.heads.interleaved"), Run)
    assert stored is not None
    assert stored.job.hyperparameters.trainable is Trainable.HEADS
    assert stored.job.hyperparameters.meta.schedule is Schedule.INTERLEAVED


def test_run_experiment_reports_increasing_progress(bert_folder: Path, data: Path, folder: Folder) -> None:
    reports: list[Progress] = []
    run(experiment(bert_folder, seeds=(42,)), data, folder, monitor=reports.append)
    percents = [report.percent for report in reports]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)
    keys = {report.stage.split(": ")[0] for report in reports[1:]}
    assert keys == {"base", "es.ft.full.seed-42", "es.x-metra-ada.full.seed-42"}
    assert any(report.eta_seconds for report in reports)
