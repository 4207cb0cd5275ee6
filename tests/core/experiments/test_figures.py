"""Figures: selection, content and reproducibility."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from core.experiments.figures import FIGURES, STYLES, write_figures
from core.experiments.folder import Folder
from core.experiments.grid import METHODS, PRE
from core.experiments.records import Run
from core.experiments.results import Results
from tests.core.experiments.synthetic_runs import results, run

STAGES = {"fine-tune": [{"loss": 3.0}, {"loss": 1.0}]}


def grid() -> list[Run]:
    """Return runs of two methods in two languages on each amount of data."""
    amounts: list[dict[str, Any]] = [{}, {"shots": 1}, {"shots": 3}, {"share": 0.1}, {"share": 0.5}]
    return [
        run(method, seed, 0.5 + seed / 1000, language=language, stages=STAGES, **amount)
        for amount in amounts
        for language in ("es", "th")
        for method in ("ft", "x-metra-ada")
        for seed in (42, 35)
    ]


@pytest.fixture(scope="module")
def grid_results() -> Results:
    return results(grid())


def draw(name: str, results: Results) -> Figure:
    (spec,) = (spec for spec in FIGURES if spec.name == name)
    return spec.draw(results)


def labels(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_styles_have_a_distinct_colour_for_every_method() -> None:
    assert set(STYLES) == {PRE, *METHODS}
    assert len({colour for colour, _ in STYLES.values()}) == len(STYLES)


def test_learning_curves_have_a_panel_per_language_and_a_line_per_method(grid_results: Results) -> None:
    figure = draw("learning-curves", grid_results)
    assert [axes.get_title() for axes in figure.axes] == ["es", "th"]
    assert labels(figure) == ["ft", "x-metra-ada"]
    assert figure.axes[0].get_xlabel() == "optimiser steps"
    assert figure.axes[0].get_ylabel().startswith("loss")


def test_learning_curves_show_the_largest_amount_only() -> None:
    few = [run("ft", seed, 0.5, share=0.1, stages=STAGES) for seed in (42, 35)]
    more = [run("mono", seed, 0.5, share=0.5, stages=STAGES) for seed in (42, 35)]
    fewest = [run("ft-en", seed, 0.5, shots=9, stages=STAGES) for seed in (42, 35)]
    assert labels(draw("learning-curves", results([*few, *more, *fewest]))) == ["mono"]


def test_shots_figure_has_a_panel_per_language_and_metric_with_base(grid_results: Results) -> None:
    figure = draw("shots", grid_results)
    assert len(figure.axes) == 6
    assert figure.axes[0].get_ylabel() == "intent accuracy (%)"
    assert figure.axes[0].get_xlabel() == "few-shot examples an intent"
    assert figure.axes[0].get_xticks().tolist() == [1, 3]
    assert sorted(labels(figure)) == ["ft", "pre", "x-metra-ada"]


def test_downsampling_figure_ends_with_all_of_the_data(grid_results: Results) -> None:
    figure = draw("downsampling", grid_results)
    assert figure.axes[0].get_xticks().tolist() == [10, 50, 100]
    assert "%" in figure.axes[0].get_xlabel()


def test_variants_of_a_method_share_colour_but_not_dashes() -> None:
    runs = [run("ft", 42, 0.5, shots=1), run("ft", 42, 0.6, shots=1, trainable="lora")]
    figure = draw("shots", results(runs))
    lines = figure.axes[0].get_lines()[:2]
    assert labels(figure)[-2:] == ["ft", "ft (lora)"]
    assert len({line.get_color() for line in lines}) == 1
    assert len({line.get_linestyle() for line in lines}) == 2


def test_write_figures_skips_figures_without_data(folder: Folder) -> None:
    write_figures(results([run("ft", 42, 0.5, stages=STAGES)]), folder)
    assert sorted(path.name for path in folder.figures.iterdir()) == [
        "learning-curves.png",
        "learning-curves.svg",
    ]


def test_write_figures_writes_nothing_without_runs(folder: Folder) -> None:
    write_figures(results([]), folder)
    assert list(folder.figures.iterdir()) == []


def test_write_figures_is_reproducible_as_png_and_svg(tmp_path: Path) -> None:
    spanish_results = results([run for run in grid() if run.cell.language == "es"])
    folders = [Folder(tmp_path / name) for name in ("first", "second")]
    for folder in folders:
        write_figures(spanish_results, folder)
    names = sorted(path.name for path in folders[0].figures.iterdir())
    assert names == sorted(f"{spec.name}.{kind}" for spec in FIGURES for kind in ("png", "svg"))
    for name in names:
        first, second = ((folder.figures / name).read_bytes() for folder in folders)
        assert first == second
        if name.endswith(".svg"):
            assert ElementTree.fromstring(first).tag.endswith("svg")
            assert b"dc:date" not in first
        else:
            assert first.startswith(b"\x89PNG")
