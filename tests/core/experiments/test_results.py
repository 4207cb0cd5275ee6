"""Aggregated results of an experiment, and their output files."""

import json
from pathlib import Path

import pytest

from core.contracts.evaluations import MtodEvaluation
from core.errors import CorruptArtifact, NotFound
from core.experiments.folder import Folder
from core.experiments.outputs import write_outputs
from core.experiments.results import Results, gather_results


@pytest.fixture(scope="module")
def finished_results(finished: Folder) -> Results:
    return write_outputs(finished)


def test_write_outputs_writes_readable_results(finished: Folder, finished_results: Results) -> None:
    assert finished.read(finished.root / "results.json", Results) == finished_results


def test_write_outputs_keeps_the_keys_of_stored_results(finished: Folder, finished_results: Results) -> None:
    document = json.loads(finished.results.read_bytes())
    assert list(document) == ["kept", "base", "runs", "failures", "table", "comparisons"]
    assert list(document["kept"]) == ["experiment", "hyperparameters", "base_settings", "data"]


def test_results_contain_job_and_report_of_every_run(finished_results: Results) -> None:
    assert len(finished_results.runs) == 10
    for run in finished_results.runs:
        report = run.report
        assert run.job.hyperparameters.seed == run.cell.seed
        assert report.dataset_ids["target"] == run.job.dataset_id
        assert {"python", "torch", "transformers"} <= set(report.versions)
        assert report.device == "cpu"
        assert report.curves
        assert report.wall_seconds >= report.result.train_seconds > 0
        assert report.peak_memory_bytes > 0
        assert isinstance(report.result.evaluation, MtodEvaluation)
        assert set(report.result.evaluation.intents) == {"set_alarm", "find_weather", "set_reminder"}
    assert len(finished_results.manifest.data) == 4


def test_results_table_has_base_and_every_amount(finished_results: Results) -> None:
    rows = [
        (row.variant.method, row.variant.shots, row.variant.share, row.runs) for row in finished_results.table
    ]
    assert rows == [
        ("pre", None, None, 1),
        ("ft", None, None, 1),
        ("x-metra-ada", None, None, 1),
        ("ft", 2, None, 2),
        ("x-metra-ada", 2, None, 2),
        ("ft", None, 0.5, 2),
        ("x-metra-ada", None, 0.5, 2),
    ]
    assert {comparison.rival for comparison in finished_results.comparisons} == {"ft"}


def test_write_outputs_writes_tables_and_figures(finished: Folder, finished_results: Results) -> None:
    summary = (finished.root / "report.md").read_text(encoding="utf-8")
    assert "## A few shots" in summary
    figures = sorted(path.stem for path in finished.figures.glob("*.svg"))
    assert figures == ["downsampling", "learning-curves", "shots"]
    assert all((finished.figures / f"{name}.png").exists() for name in figures)


def test_write_outputs_is_idempotent(finished: Folder, finished_results: Results) -> None:
    before = finished.results.read_bytes()
    write_outputs(finished)
    assert finished.results.read_bytes() == before


def test_gather_results_raises_not_found_without_experiment(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no experiment"):
        gather_results(Folder(tmp_path))


def test_gather_results_names_a_corrupt_report(finished: Folder, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.experiment.write_bytes(finished.experiment.read_bytes())
    folder.run("es.ft.full.seed-42").parent.mkdir()
    folder.run("es.ft.full.seed-42").write_text("{", encoding="utf-8")
    with pytest.raises(CorruptArtifact, match=r"es\.ft\.full\.seed-42\.json cannot be read"):
        gather_results(folder)
