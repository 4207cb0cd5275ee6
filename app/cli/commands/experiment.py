"""``xmetra experiment``: the paper's experiments on a data set, from the base to the figures."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from app.cli.commands.experiment_options import asked_for, method_words, words
from app.cli.options import AsJson, Settings
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.experiments import cells_table, rows_table
from app.cli.rendering.job_progress import watcher
from app.client.errors import JobFailed
from core.contracts.values import TaskName
from core.experiments.command_line import ALL
from core.experiments.corpora import Corpora, find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import METHODS, PRE, Experiment
from core.experiments.presets import SEEDS, Preset
from core.experiments.sampling import draw_rows

DONE, FAILED, TO_DO = "done", "failed before", "to do"

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder with mtod/ and tydiqa-goldp/ as published, or with mtod/ and qa/ as in samples/.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]
Out = Annotated[
    Path, typer.Option("--out", help="Folder for runs, results, tables and figures.", show_default=False)
]
Languages = Annotated[str, typer.Option(help="Target languages.", show_default=False)]
Methods = Annotated[
    str, typer.Option(help=f"{ALL}, or some of {', '.join(METHODS)}. {PRE} is measured beside all.")
]
Seeds = Annotated[str, typer.Option(help="Seeds of the training.", show_default="the paper's four")]
Encoder = Annotated[str, typer.Option(help="embedded, embedded-en, a hub id, or a folder.")]
Similarity = Annotated[str, typer.Option(help="qa: the sentence encoder that finds neighbours.")]
Shots = Annotated[
    str, typer.Option(help="Also with so many examples an intent; of qa, questions in all: 1 3 6 9.")
]
Draws = Annotated[int, typer.Option(help="How often a limited number of examples is drawn.")]
Downsample = Annotated[
    str, typer.Option(help="With these shares of the few-shot data; 1 is all of it: 0.1 0.5 1.")
]
Trained = Annotated[str, typer.Option(help="What learns: some of all, heads, lora.")]
Schedules = Annotated[
    str, typer.Option(help="How x-metra-ada's stages follow each other: some of sequential, interleaved.")
]
Presets = Annotated[
    Preset, typer.Option(help="tuned: this project's, fine-tuning tuned; paper: the paper's own.")
]
BaseSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set-base",
        metavar="NAME=VALUE",
        help="A hyperparameter of the base, such as epochs=5; may be repeated.",
        show_default=False,
    ),
]


def experiment(  # noqa: PLR0913  a command line is its options
    task: Annotated[TaskName, typer.Argument(help="mtod (intents and slots) or qa (answers).")],
    *,
    data: Data,
    out: Out,
    languages: Languages,
    methods: Methods = ALL,
    seeds: Seeds = "",
    encoder: Encoder = "embedded",
    similarity: Similarity = "embedded",
    shots: Shots = "",
    draws: Draws = 5,
    downsample: Downsample = "1",
    trainable: Trained = "all",
    schedule: Schedules = "sequential",
    preset: Presets = Preset.TUNED,
    settings: Settings = None,
    base_settings: BaseSettings = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda…")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="Compute threads; 0 takes every core.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List every run and do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Do the paper's experiment: every method in every language with every seed, summed up and drawn.

    A run that was finished before is not done again: the same command goes on where it was interrupted,
    and seeds, languages, methods, shots and shares can be added to what is there.

    Example: [bold]xmetra experiment mtod --data samples --languages es th --out .data/experiment[/]
    """
    fields = {
        "task": task,
        "languages": words(languages),
        "methods": method_words(methods),
        "seeds": words(seeds) or SEEDS[task],
        "encoder": encoder,
        "similarity": similarity,
        "shots": words(shots),
        "draws": draws,
        "shares": words(downsample),
        "trainable": words(trainable),
        "schedules": words(schedule),
        "preset": preset,
    }
    asked = asked_for(fields, settings=settings, base=base_settings)
    corpora, folder = find_corpora(data, task, asked.languages), Folder(out)
    if dry_run:
        _tell_cells(asked, corpora, folder, as_json=as_json)
    else:
        _run(asked, corpora, folder, device=device, threads=threads)
        _tell_results(folder, as_json=as_json)


def _tell_cells(asked: Experiment, corpora: Corpora, folder: Folder, *, as_json: bool) -> None:
    """Print every run, how much it learns from, and whether it was done before."""
    cells = asked.cells()
    examples = {cell.key: len(draw_rows(cell, corpora).few_shot) for cell in cells}
    states = {cell.key: _state(folder, cell.key) for cell in cells}
    counts = Counter(states.values())
    if as_json:
        told = [
            cell.model_dump(mode="json")
            | {"key": cell.key, "examples": examples[cell.key], "state": states[cell.key]}
            for cell in cells
        ]
        write_json({"cells": told, "counts": dict(counts)})
        return
    results().print(cells_table(cells, examples, states))
    of_each = ", ".join(f"{counts[state]} {state}" for state in (DONE, FAILED, TO_DO) if counts[state])
    results().print(f"{len(cells)} runs after one base: {of_each}")


def _state(folder: Folder, key: str) -> str:
    if folder.run(key).exists():
        return DONE
    return FAILED if folder.error(key).exists() else TO_DO


def _run(asked: Experiment, corpora: Corpora, folder: Folder, *, device: str, threads: int) -> None:
    """Do what is left to do, each run in a process of its own."""
    from core.experiments.runners import run_apart  # noqa: PLC0415  what is only needed now
    from core.experiments.running import run_experiment  # noqa: PLC0415

    console = messages()
    runner = run_apart(folder.store, device=device, threads=threads)
    try:
        with watcher(console) as watch:
            run_experiment(asked, corpora, folder, runner=runner, monitor=watch.show)
    except KeyboardInterrupt:
        console.print("interrupted; the same command goes on from here")
        raise


def _tell_results(folder: Folder, *, as_json: bool) -> None:
    """Sum up, print the table, and tell where everything is.

    Raises:
        JobFailed: Runs failed; each with its reason.
    """
    from core.experiments.outputs import write_outputs  # noqa: PLC0415  what draws takes a second

    found = write_outputs(folder)
    files = {"results": folder.results, "tables": folder.summary, "figures": folder.figures}
    if as_json:
        table = found.model_dump(mode="json", include={"table", "comparisons", "failures"})
        write_json(table | {"files": {name: str(path) for name, path in files.items()}})
    else:
        results().print(rows_table(found.table, found.kept.experiment.task))
        for name, path in files.items():
            results().print(f"{name}: {escape(str(path))}")
    if found.failures:
        told = [f"  {one.key}: {one.failed.reason}" for one in found.failures]
        raise JobFailed("\n".join([f"{len(told)} failed; the same command tries again:", *told]))
