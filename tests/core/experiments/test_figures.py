"""The figures: which there are, what is on them, and that they are the same every time."""

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
from tests.core.experiments.made_up import results, run

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
def found() -> Results:
    return results(grid())


def drawn(name: str, found: Results) -> Figure:
    (drawing,) = (one for one in FIGURES if one.name == name)
    return drawing.draw(found)


def labels(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_every_method_has_a_colour_and_no_two_share_one() -> None:
    assert set(STYLES) == {PRE, *METHODS}
    assert len({colour for colour, _ in STYLES.values()}) == len(STYLES)


def test_learning_curves_have_a_panel_a_language_and_a_line_a_method(found: Results) -> None:
    figure = drawn("learning-curves", found)
    assert [axes.get_title() for axes in figure.axes] == ["es", "th"]
    assert labels(figure) == ["ft", "x-metra-ada"]
    assert figure.axes[0].get_xlabel() == "optimiser steps"
    assert figure.axes[0].get_ylabel().startswith("loss")


def test_learning_curves_are_of_the_largest_amount_that_was_run() -> None:
    few = [run("ft", seed, 0.5, share=0.1, stages=STAGES) for seed in (42, 35)]
    more = [run("mono", seed, 0.5, share=0.5, stages=STAGES) for seed in (42, 35)]
    fewest = [run("ft-en", seed, 0.5, shots=9, stages=STAGES) for seed in (42, 35)]
    assert labels(drawn("learning-curves", results([*few, *more, *fewest]))) == ["mono"]


def test_shots_have_a_panel_a_language_and_metric_and_show_the_base(found: Results) -> None:
    figure = drawn("shots", found)
    assert len(figure.axes) == 6
    assert figure.axes[0].get_ylabel() == "intent accuracy (%)"
    assert figure.axes[0].get_xlabel() == "few-shot examples an intent"
    assert figure.axes[0].get_xticks().tolist() == [1, 3]
    assert sorted(labels(figure)) == ["ft", "pre", "x-metra-ada"]


def test_downsampling_ends_with_all_of_the_data(found: Results) -> None:
    figure = drawn("downsampling", found)
    assert figure.axes[0].get_xticks().tolist() == [10, 50, 100]
    assert "%" in figure.axes[0].get_xlabel()


def test_forms_of_one_method_have_one_colour_and_dashes_of_their_own() -> None:
    runs = [run("ft", 42, 0.5, shots=1), run("ft", 42, 0.6, shots=1, trainable="lora")]
    figure = drawn("shots", results(runs))
    lines = figure.axes[0].get_lines()[:2]
    assert labels(figure)[-2:] == ["ft", "ft (lora)"]
    assert len({line.get_color() for line in lines}) == 1
    assert len({line.get_linestyle() for line in lines}) == 2


def test_only_what_was_run_is_drawn(folder: Folder) -> None:
    write_figures(results([run("ft", 42, 0.5, stages=STAGES)]), folder)
    assert sorted(path.name for path in folder.figures.iterdir()) == [
        "learning-curves.png",
        "learning-curves.svg",
    ]


def test_nothing_is_drawn_of_nothing(folder: Folder) -> None:
    write_figures(results([]), folder)
    assert list(folder.figures.iterdir()) == []


def test_each_is_written_as_png_and_svg_the_same_every_time(tmp_path: Path) -> None:
    found = results([one for one in grid() if one.cell.language == "es"])
    folders = [Folder(tmp_path / name) for name in ("one", "two")]
    for folder in folders:
        write_figures(found, folder)
    names = sorted(path.name for path in folders[0].figures.iterdir())
    assert names == sorted(f"{one.name}.{kind}" for one in FIGURES for kind in ("png", "svg"))
    for name in names:
        first, second = ((folder.figures / name).read_bytes() for folder in folders)
        assert first == second
        if name.endswith(".svg"):
            assert ElementTree.fromstring(first).tag.endswith("svg")
            assert b"dc:date" not in first
        else:
            assert first.startswith(b"\x89PNG")
