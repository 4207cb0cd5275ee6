"""The tables for people."""

from datetime import UTC, datetime
from typing import Any

from core.contracts.values import Method
from core.experiments.folder import Folder
from core.experiments.grid import Cell
from core.experiments.records import Failed, Failure, Run
from core.experiments.results import Results
from core.experiments.summary import summary, write_summary
from tests.core.experiments.made_up import SHA256, results, run

SCORES = {"mono": (0.5, 0.7), "ft": (0.9, 0.8), "x-metra-ada": (0.92, 0.94)}


def table_of(title: str, told: Results) -> list[list[str]]:
    """Return the cells of the table below a title, without its head."""
    section = summary(told).split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def grid(**place: Any) -> list[Run]:
    return [
        run(method, seed, score, **place)
        for method, scores in SCORES.items()
        for seed, score in zip((42, 35), scores, strict=True)
    ]


def test_methods_stand_in_rows_and_languages_by_metrics_in_columns() -> None:
    told = results([*grid(), *grid(language="th")], languages=("es", "th"))
    lines = summary(told).splitlines()
    assert (
        "| method | es intent accuracy | es slot F1 | es exact match "
        "| th intent accuracy | th slot F1 | th exact match |"
    ) in lines
    assert [line[0] for line in table_of("All of the few-shot data", told)] == [
        "pre",
        "mono",
        "ft",
        "x-metra-ada",
    ]


def test_figures_are_mean_and_spread_the_best_bold_and_the_second_underlined() -> None:
    rows = {line[0]: line[1] for line in table_of("All of the few-shot data", results(grid()))}
    assert rows == {
        "pre": "30.0",
        "mono": "60.0 ± 14.1",
        "ft": "<u>85.0 ± 7.1</u>",
        "x-metra-ada": "**93.0 ± 1.4**",
    }


def test_where_all_are_alike_none_is_best() -> None:
    slots = [line[2] for line in table_of("All of the few-shot data", results(grid()))]
    assert slots == ["50.0", "50.0 ± 0.0", "50.0 ± 0.0", "50.0 ± 0.0"]


def test_a_figure_that_is_not_there_yet_is_left_blank() -> None:
    told = results([run("ft", 42, 0.9), run("mono", 42, 0.8, language="th")])
    rows = {line[0]: line for line in table_of("All of the few-shot data", told)}
    assert rows["ft"][4] == rows["mono"][1] == ""


def test_each_sweep_has_a_table_of_its_own_with_the_best_of_each_amount() -> None:
    told = results([*grid(), *grid(shots=3), *grid(share=0.5)], shots=(3,), shares=(0.5,), draws=1)
    shots = table_of("A few shots", told)
    assert [line[:2] for line in shots] == [
        ["none", "pre"],
        ["3 an intent", "mono"],
        ["3 an intent", "ft"],
        ["3 an intent", "x-metra-ada"],
    ]
    assert shots[3][2].startswith("**93.0")
    shares = table_of("A share of the few-shot data", told)
    assert [line[0] for line in shares] == ["none", "50 %", "50 %", "50 %", "all", "all", "all"]
    assert shares[3][2].startswith("**")
    assert shares[6][2].startswith("**")


def test_a_sweep_that_was_not_run_has_no_table() -> None:
    told = summary(results(grid()))
    assert "A few shots" not in told
    assert "A share" not in told


def drawn(draws: int, **place: Any) -> list[Run]:
    return [run_of_draw for draw in range(draws) for run_of_draw in grid(shots=3, draw=draw, **place)]


def test_few_draws_are_warned_of() -> None:
    few, enough = (summary(results(drawn(draws), draws=5)) for draws in (2, 5))
    assert "Over 2 draws" in few
    assert "So few draws" in few
    assert "Over 5 draws" in enough
    assert "So few draws" not in enough


def test_the_draws_told_are_those_that_are_done() -> None:
    told = summary(results([*drawn(5), *drawn(3, language="th")], draws=5, languages=("es", "th")))
    assert "Over 3 to 5 draws" in told


def test_x_metra_ada_is_tested_against_fine_tuning() -> None:
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


def test_the_cost_of_the_base_is_told_once_and_that_of_every_method() -> None:
    rows = table_of("What it cost", results([*grid(), *grid(language="th")]))
    assert rows[0] == ["en", "all", "pre", "1", "12.0", "20.0", "300"]
    assert [line[:4] for line in rows[1:3]] == [["es", "all", "mono", "2"], ["th", "all", "mono", "2"]]
    assert len(rows) == 7


def test_what_was_run_is_told_so_that_it_can_be_done_again() -> None:
    told = summary(results(grid(), methods=("mono", "ft", "x-metra-ada")))
    assert "    xmetra experiment mtod --data DIR --languages es" in told
    assert "- Runs: 6 of 6, and one base." in told
    assert "- Seeds: 42, 35." in told
    assert "- Computed on: cpu." in told
    assert "- Versions: python 3.11.9, torch 2.13.0." in told
    assert f"      {SHA256}  mtod/en.jsonl" in told


def test_what_failed_is_told_with_its_reason_on_one_line() -> None:
    cell = Cell(language="es", method=Method.FT, seed=42)
    failed = Failed(kind="TrainingDiverged", reason="the loss\nis nan")
    failure = Failure(key=cell.key, cell=cell, failed=failed, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "- `es.ft.full.seed-42`: TrainingDiverged: the loss is nan" in summary(results(grid(), [failure]))
    assert "What failed" not in summary(results(grid()))


def test_an_experiment_without_a_run_is_told_as_one() -> None:
    told = summary(results([]))
    assert "- Runs: 0 of 10" in told
    assert "All of the few-shot data" not in told


def test_the_figures_that_there_are_are_shown() -> None:
    assert "(figures/learning-curves.svg)" in summary(results(grid()))
    assert "(figures/shots.svg)" not in summary(results(grid()))


def test_it_is_written_beside_the_results(folder: Folder) -> None:
    folder.root.mkdir()
    told = results(grid())
    write_summary(told, folder)
    assert (folder.root / "report.md").read_text(encoding="utf-8") == summary(told)
