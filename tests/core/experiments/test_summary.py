"""Markdown summary of an experiment."""

from datetime import UTC, datetime
from typing import Any

from core.contracts.values import Method
from core.experiments.folder import Folder
from core.experiments.grid import Cell
from core.experiments.records import Failure, JobError, Run
from core.experiments.results import Results
from core.experiments.summary import summary, write_summary
from tests.core.experiments.synthetic_runs import SHA256, results, run

SCORES = {"mono": (0.5, 0.7), "ft": (0.9, 0.8), "x-metra-ada": (0.92, 0.94)}


def table_of(title: str, results: Results) -> list[list[str]]:
    """Return the cells of the table below a title, without its header."""
    section = summary(results).split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def grid(**cell_fields: Any) -> list[Run]:
    return [
        run(method, seed, score, **cell_fields)
        for method, scores in SCORES.items()
        for seed, score in zip((42, 35), scores, strict=True)
    ]


def test_summary_table_has_methods_as_rows_and_metrics_as_columns() -> None:
    outcome = results([*grid(), *grid(language="th")], languages=("es", "th"))
    lines = summary(outcome).splitlines()
    assert (
        "| method | es intent accuracy | es slot F1 | es exact match "
        "| th intent accuracy | th slot F1 | th exact match |"
    ) in lines
    assert [line[0] for line in table_of("All of the few-shot data", outcome)] == [
        "pre",
        "mono",
        "ft",
        "x-metra-ada",
    ]


def test_summary_marks_best_and_second_best_scores() -> None:
    rows = {line[0]: line[1] for line in table_of("All of the few-shot data", results(grid()))}
    assert rows == {
        "pre": "30.0",
        "mono": "60.0 ± 14.1",
        "ft": "<u>85.0 ± 7.1</u>",
        "x-metra-ada": "**93.0 ± 1.4**",
    }


def test_summary_marks_nothing_when_all_scores_are_equal() -> None:
    slots = [line[2] for line in table_of("All of the few-shot data", results(grid()))]
    assert slots == ["50.0", "50.0 ± 0.0", "50.0 ± 0.0", "50.0 ± 0.0"]


def test_summary_leaves_missing_scores_blank() -> None:
    outcome = results([run("ft", 42, 0.9), run("mono", 42, 0.8, language="th")])
    rows = {line[0]: line for line in table_of("All of the few-shot data", outcome)}
    assert rows["ft"][4] == rows["mono"][1] == ""


def test_summary_has_a_table_per_sweep_with_best_score_per_amount() -> None:
    outcome = results([*grid(), *grid(shots=3), *grid(share=0.5)], shots=(3,), shares=(0.5,), draws=1)
    shots = table_of("A few shots", outcome)
    assert [line[:2] for line in shots] == [
        ["none", "pre"],
        ["3 an intent", "mono"],
        ["3 an intent", "ft"],
        ["3 an intent", "x-metra-ada"],
    ]
    assert shots[3][2].startswith("**93.0")
    shares = table_of("A share of the few-shot data", outcome)
    assert [line[0] for line in shares] == ["none", "50 %", "50 %", "50 %", "all", "all", "all"]
    assert shares[3][2].startswith("**")
    assert shares[6][2].startswith("**")


def test_summary_omits_sweeps_without_runs() -> None:
    text = summary(results(grid()))
    assert "A few shots" not in text
    assert "A share" not in text


def grid_of_draws(draws: int, **cell_fields: Any) -> list[Run]:
    return [run for draw in range(draws) for run in grid(shots=3, draw=draw, **cell_fields)]


def test_summary_warns_of_few_draws() -> None:
    few, enough = (summary(results(grid_of_draws(draws), draws=5)) for draws in (2, 5))
    assert "Over 2 draws" in few
    assert "So few draws" in few
    assert "Over 5 draws" in enough
    assert "So few draws" not in enough


def test_summary_counts_finished_draws() -> None:
    text = summary(
        results([*grid_of_draws(5), *grid_of_draws(3, language="th")], draws=5, languages=("es", "th"))
    )
    assert "Over 3 to 5 draws" in text


def test_summary_compares_x_metra_ada_with_fine_tuning() -> None:
    runs = [
        run(method, seed, score)
        for method, scores in {"ft": (0.1, 0.11, 0.12), "x-metra-ada": (0.9, 0.91, 0.92)}.items()
        for seed, score in zip((42, 35, 119), scores, strict=True)
    ]
    rows = table_of("Could the differences be chance?", results(runs))
    assert rows[0] == [
        "es",
        "all",
        "intent accuracy",
        "x-metra-ada",
        "ft",
        "+80.0",
        "**< 0.001**",
    ]
    assert rows[1][2:] == ["slot F1", "x-metra-ada", "ft", "+0.0", "–"]


def test_summary_has_costs_of_base_once_and_of_every_method() -> None:
    rows = table_of("What it cost", results([*grid(), *grid(language="th")]))
    assert rows[0] == ["en", "all", "pre", "1", "12.0", "20.0", "300"]
    assert [line[:4] for line in rows[1:3]] == [["es", "all", "mono", "2"], ["th", "all", "mono", "2"]]
    assert len(rows) == 7


def test_summary_contains_what_is_needed_to_reproduce_the_experiment() -> None:
    text = summary(results(grid(), methods=("mono", "ft", "x-metra-ada")))
    assert "    xmetra experiment mtod --data DIR --languages es" in text
    assert "- Runs: 6 of 6, and one base." in text
    assert "- Seeds: 42, 35." in text
    assert "- Computed on: cpu." in text
    assert "- Versions: python 3.11.9, torch 2.13.0." in text
    assert f"      {SHA256}  mtod/en.jsonl" in text


def test_summary_lists_failures_on_a_single_line() -> None:
    cell = Cell(language="es", method=Method.FT, seed=42)
    error = JobError(kind="TrainingDiverged", reason="the loss\nis nan")
    failure = Failure(key=cell.key, cell=cell, error=error, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "- `es.ft.full.seed-42`: TrainingDiverged: the loss is nan" in summary(results(grid(), [failure]))
    assert "What failed" not in summary(results(grid()))


def test_summary_of_an_experiment_without_runs() -> None:
    text = summary(results([]))
    assert "- Runs: 0 of 10" in text
    assert "All of the few-shot data" not in text


def test_summary_links_existing_figures_only() -> None:
    assert "(figures/learning-curves.svg)" in summary(results(grid()))
    assert "(figures/shots.svg)" not in summary(results(grid()))


def test_write_summary_writes_report_to_the_folder(folder: Folder) -> None:
    folder.root.mkdir()
    outcome = results(grid())
    write_summary(outcome, folder)
    assert (folder.root / "report.md").read_text(encoding="utf-8") == summary(outcome)
