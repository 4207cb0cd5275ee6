"""``xmetra experiment``: the paper's experiments on a data set."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from app.cli.commands.experiment_options import parse_experiment, split_values, trained_methods
from app.cli.exit_codes import RunsFailed
from app.cli.options import TASK_HELP, AsJson, Settings, parse_task
from app.cli.rendering.console import messages, results, write_json
from app.cli.rendering.experiments import cells_table, rows_table
from app.cli.rendering.job_progress import progress_display
from core.experiments.command_line import ALL
from core.experiments.corpora import Corpora, find_corpora
from core.experiments.folder import Folder
from core.experiments.grid import METHODS, PRE, Experiment
from core.experiments.presets import Preset
from core.experiments.sampling import sample_rows
from core.tasks.registry import task_spec

DONE, FAILED, TO_DO = "done", "failed before", "to do"
STATES: Final = (DONE, FAILED, TO_DO)

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder with mtod/ and tydiqa-goldp/ as published, or with mtod/ and qa/ like samples/.",
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
    str,
    typer.Option(help=f"Methods: {ALL}, or some of {', '.join(METHODS)}; {PRE} is always measured as well."),
]
Seeds = Annotated[str, typer.Option(help="Seeds of the training.", show_default="the paper's four")]
Encoder = Annotated[str, typer.Option(help="Encoder: embedded, embedded-en, a hub id, or a folder.")]
Similarity = Annotated[str, typer.Option(help="Sentence encoder that finds similar questions (qa).")]
Shots = Annotated[
    str,
    typer.Option(help="Numbers of examples to limit each intent to, or all questions for qa, as in 1 3 6 9."),
]
Draws = Annotated[int, typer.Option(help="Random draws of each limited amount of examples.")]
Downsample = Annotated[
    str, typer.Option(help="Shares of the few-shot data to train on, as in 0.1 0.5 1; 1 is all of it.")
]
TrainableParts = Annotated[str, typer.Option(help="What is trained: some of all, heads, lora.")]
Schedules = Annotated[
    str, typer.Option(help="Order of the stages of x-metra-ada: some of sequential, interleaved.")
]
PresetName = Annotated[
    Preset,
    typer.Option(help="tuned: this project's defaults, with tuned fine-tuning; paper: the paper's values."),
]
BaseSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--set-base",
        metavar="NAME=VALUE",
        help="Hyperparameter of the base, such as epochs=5; may be repeated.",
        show_default=False,
    ),
]


def experiment(  # noqa: PLR0913  a command line is its options
    task: Annotated[str, typer.Argument(metavar="TASK", parser=parse_task, help=TASK_HELP)],
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
    trainable: TrainableParts = "all",
    schedule: Schedules = "sequential",
    preset: PresetName = Preset.TUNED,
    settings: Settings = None,
    base_settings: BaseSettings = None,
    device: Annotated[str, typer.Option(help="Device to train on: auto, cpu, cuda or cuda:1.")] = "auto",
    threads: Annotated[
        int, typer.Option(min=0, help="Number of compute threads; 0 for one on each core.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs; train nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the paper's experiment on a data set: every method in every language with every seed.

    An interrupted experiment continues when the same command is repeated. Seeds, languages, methods, shots
    and shares may be added later; complete runs are not repeated.

    Example: [bold]xmetra experiment mtod --data samples --languages es th --out .data/experiment[/]
    """
    fields = {
        "task": task,
        "languages": split_values(languages),
        "methods": trained_methods(methods),
        "seeds": split_values(seeds) or task_spec(task).experiments.seeds,
        "encoder": encoder,
        "similarity": similarity,
        "shots": split_values(shots),
        "draws": draws,
        "shares": split_values(downsample),
        "trainable": split_values(trainable),
        "schedules": split_values(schedule),
        "preset": preset,
    }
    specification = parse_experiment(fields, settings=settings, base_settings=base_settings)
    corpora, folder = find_corpora(data, task, specification.languages), Folder(out)
    if dry_run:
        _print_cells(specification, corpora, folder, as_json=as_json)
    else:
        _run(specification, corpora, folder, device=device, threads=threads)
        _print_results(folder, as_json=as_json)


def _print_cells(specification: Experiment, corpora: Corpora, folder: Folder, *, as_json: bool) -> None:
    """Print every run with the number of its training examples and its state."""
    cells = specification.cells()
    examples = {cell.key: len(sample_rows(cell, corpora).few_shot) for cell in cells}
    states = {cell.key: _state(folder, cell.key) for cell in cells}
    counts = Counter(states.values())
    if as_json:
        documents = [
            cell.model_dump(mode="json")
            | {"key": cell.key, "examples": examples[cell.key], "state": states[cell.key]}
            for cell in cells
        ]
        write_json({"cells": documents, "counts": dict(counts)})
        return
    results().print(cells_table(cells, examples, states))
    summary = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    results().print(f"{len(cells)} runs after one base: {summary}")


def _state(folder: Folder, key: str) -> str:
    """Return the state of a run."""
    if folder.run(key).exists():
        return DONE
    return FAILED if folder.error(key).exists() else TO_DO


def _run(specification: Experiment, corpora: Corpora, folder: Folder, *, device: str, threads: int) -> None:
    """Run what is not complete yet, each run in its own process."""
    from core.experiments.runners import subprocess_runner  # noqa: PLC0415  a dry run does without
    from core.experiments.running import run_experiment  # noqa: PLC0415

    console = messages()
    runner = subprocess_runner(folder.store, device=device, threads=threads)
    try:
        with progress_display(console) as display:
            run_experiment(specification, corpora, folder, runner=runner, monitor=display.show)
    except KeyboardInterrupt:
        console.print("interrupted; the same command continues the experiment")
        raise


def _print_results(folder: Folder, *, as_json: bool) -> None:
    """Write the outputs of an experiment, and print its table and the paths of the outputs.

    Raises:
        RunsFailed: Some runs failed; the message has their reasons.
    """
    from core.experiments.outputs import write_outputs  # noqa: PLC0415  matplotlib takes a second

    outcome = write_outputs(folder)
    files = {"results": folder.results, "tables": folder.summary, "figures": folder.figures}
    if as_json:
        table = outcome.model_dump(mode="json", include={"table", "comparisons", "failures"})
        write_json(table | {"files": {name: str(path) for name, path in files.items()}})
    else:
        results().print(rows_table(outcome.table, outcome.manifest.experiment.task))
        for name, path in files.items():
            results().print(f"{name}: {escape(str(path))}")
    if outcome.failures:
        reasons = [f"  {failure.key}: {failure.error.reason}" for failure in outcome.failures]
        raise RunsFailed("\n".join([f"{len(reasons)} failed; the same command tries again:", *reasons]))
