"""A miniature experiment: done once, resumed, and gone on with after a failure."""

from collections.abc import Callable
from pathlib import Path

import pytest

from core.contracts.hyperparameters import Schedule
from core.contracts.jobs import Progress
from core.contracts.reports import Report
from core.contracts.values import BASE, Promotion, TaskName, Trainable
from core.experiments.folder import Folder
from core.experiments.records import BaseRun, Failure, Run
from core.experiments.results import gather_results
from core.experiments.sampling import Draw
from core.store import Store
from tests.core.experiments.laboratory import counting, experiment, failing, run

pytestmark = pytest.mark.usefixtures("one_thread")


class Killed(BaseException):
    """The end of a process, as near as a test can come to it."""


def killed_in(key: str) -> Callable[[Progress], None]:
    """Return a monitor that ends everything in the middle of a run."""

    def monitor(progress: Progress) -> None:
        if progress.stage.startswith(f"{key}: ") and progress.step > 1:
            raise Killed

    return monitor


def reports(folder: Folder) -> dict[str, Report]:
    return {one.cell.key: one.report for one in gather_results(folder).runs}


def numbers(folder: Folder) -> dict[str, object]:
    """Return all that chance could change of every run."""
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
def whole(bert_folder: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """An experiment of two methods and two seeds that nothing interrupted; never written to again."""
    folder = Folder(tmp_path_factory.mktemp("whole"))
    run(experiment(bert_folder), data, folder)
    return folder


def test_every_run_has_its_report_with_its_place_and_its_job(whole: Folder) -> None:
    assert sorted(path.name for path in (whole.root / "runs").iterdir()) == sorted(
        f"{key}.json" for key in KEYS
    )
    for key in KEYS:
        kept = whole.read(whole.run(key), Run)
        assert kept is not None
        assert kept.cell.key == key
        assert kept.report.result.name == kept.job.method == kept.cell.method
        assert kept.report.seed == kept.job.hyperparameters.seed == kept.cell.seed
        assert kept.report.data["train"] == 12
        assert kept.job.promote is Promotion.NEVER


def test_the_base_is_made_once_and_every_run_starts_from_it(whole: Folder) -> None:
    base = whole.read(whole.run("base"), BaseRun)
    assert base is not None
    made = {one.job.base_id for one in gather_results(whole).runs}
    assert made == {base.report.result.checkpoint_id}
    assert base.job.settings.epochs == 4


def test_nothing_of_an_experiment_serves_anybody(whole: Folder) -> None:
    deployments = Store(whole.store).deployments
    assert deployments.live(TaskName.MTOD, "es") is None
    assert deployments.live(TaskName.MTOD, BASE) is None


def test_the_numbers_repeat_exactly_under_one_seed(
    whole: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    run(experiment(bert_folder, seeds=(35,)), data, folder)
    expected = numbers(whole)
    assert numbers(folder) == {key: expected[key] for key in KEYS[2:]}
    assert expected[KEYS[0]] != expected[KEYS[2]]


def test_an_interrupted_experiment_goes_on_where_it_was_and_comes_to_the_same(
    whole: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    asked = experiment(bert_folder)
    with pytest.raises(Killed):
        run(asked, data, folder, monitor=killed_in(KEYS[1]))
    assert list(reports(folder)) == KEYS[:1]
    done: list[str] = []
    assert run(asked, data, folder, around=counting(done)) == []
    assert done == [key.replace(".", "-") for key in KEYS[1:]]
    assert numbers(folder) == numbers(whole)


def test_an_experiment_interrupted_in_its_base_begins_with_the_base(
    bert_folder: Path, data: Path, folder: Folder
) -> None:
    asked = experiment(bert_folder, methods=("ft",), seeds=(42,))
    with pytest.raises(Killed):
        run(asked, data, folder, monitor=killed_in("base"))
    assert not folder.run("base").exists()
    done: list[str] = []
    run(asked, data, folder, around=counting(done))
    assert done == ["base", "es-ft-full-seed-42"]


def test_a_finished_experiment_does_nothing_more(bert_folder: Path, data: Path, finished: Folder) -> None:
    asked = experiment(bert_folder, seeds=(42,), shots=(2,), shares=(0.5, 1), draws=2)
    done: list[str] = []
    assert run(asked, data, finished, around=counting(done)) == []
    assert done == []


def test_a_run_that_fails_is_recorded_and_the_others_are_done(
    whole: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    asked = experiment(bert_folder)
    failures = run(asked, data, folder, around=failing("ft"))
    assert [one.key for one in failures] == [KEYS[0], KEYS[2]]
    assert list(reports(folder)) == [KEYS[1], KEYS[3]]
    kept = folder.read(folder.root / "runs" / f"{KEYS[0]}.error.json", Failure)
    assert kept == failures[0]
    assert (kept.failed.kind, kept.failed.reason) == ("TrainingDiverged", "the loss of step 3 is nan")
    assert gather_results(folder).failures == tuple(failures)


def test_a_run_that_failed_is_tried_again_at_the_next_start(
    whole: Folder, bert_folder: Path, data: Path, folder: Folder
) -> None:
    asked = experiment(bert_folder, seeds=(42,))
    run(asked, data, folder, around=failing("ft"))
    done: list[str] = []
    assert run(asked, data, folder, around=counting(done)) == []
    assert done == ["es-ft-full-seed-42"]
    assert not folder.error(KEYS[0]).exists()
    expected = numbers(whole)
    assert numbers(folder) == {key: expected[key] for key in KEYS[:2]}


def test_without_a_base_there_are_no_runs(data: Path, folder: Folder) -> None:
    asked = experiment(Path("nowhere/at/all"))
    (failure,) = run(asked, data, folder)
    assert (failure.key, failure.cell) == ("base", None)
    assert "nowhere/at/all" in failure.failed.reason
    assert folder.error("base").exists()
    assert reports(folder) == {}


def test_more_can_be_asked_later_and_the_results_tell_of_all(
    bert_folder: Path, data: Path, folder: Folder
) -> None:
    run(experiment(bert_folder, seeds=(42,), methods=("ft",)), data, folder)
    done: list[str] = []
    run(experiment(bert_folder, seeds=(35,), methods=("mono",)), data, folder, around=counting(done))
    assert done == ["es-mono-full-seed-35"]
    assert list(reports(folder)) == ["es.ft.full.seed-42", "es.mono.full.seed-35"]


def test_a_limited_run_learns_from_its_draw(finished: Folder) -> None:
    for key, examples in (
        ("es.ft.full.seed-42", 12),
        ("es.ft.2-shots.draw-1.seed-42", 6),
        ("es.ft.50-percent.draw-0.seed-42", 6),
    ):
        kept = finished.read(finished.run(key), Run)
        assert kept is not None
        draw = finished.read(finished.draw(f"es.{kept.cell.amount}.{kept.cell.draw}"), Draw)
        assert draw is not None
        assert kept.job.dataset_id == draw.few_shot.dataset_id
        assert kept.report.data["train"] == len(draw.few_shot.rows) == examples


def test_what_is_trained_and_how_stages_follow_reach_the_run(
    bert_folder: Path, data: Path, folder: Folder
) -> None:
    asked = experiment(
        bert_folder, methods=("x-metra-ada",), seeds=(42,), trainable=("heads",), schedules=("interleaved",)
    )
    assert run(asked, data, folder) == []
    kept = folder.read(folder.run("es.x-metra-ada.full.seed-42.heads.interleaved"), Run)
    assert kept is not None
    assert kept.job.hyperparameters.trainable is Trainable.HEADS
    assert kept.job.hyperparameters.meta.schedule is Schedule.INTERLEAVED


def test_progress_is_told_of_the_whole_and_only_grows(bert_folder: Path, data: Path, folder: Folder) -> None:
    told: list[Progress] = []
    run(experiment(bert_folder, seeds=(42,)), data, folder, monitor=told.append)
    percents = [one.percent for one in told]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (0, 100)
    of_runs = {one.stage.split(": ")[0] for one in told[1:]}
    assert of_runs == {"base", "es.ft.full.seed-42", "es.x-metra-ada.full.seed-42"}
    assert any(one.eta_seconds for one in told)
