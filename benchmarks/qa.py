"""Answers on real data: a base from TyDiQA-GoldP's English, then a language from a tenth of its questions.

A language without a training split learns from a part of its dev set, by whole contexts, and is measured on
the rest. Contexts that the evaluation has are never learnt from. Runs the jobs that the worker runs, and
keeps every report, so that a run that was stopped goes on where it was.

    python -m benchmarks.qa --data DIR --out .data/benchmarks-qa --languages sw ko --seeds 42 44 40
"""

import argparse
import random
import statistics
from collections import defaultdict
from pathlib import Path

from benchmarks.runs import Measured, header, measured, read_report, row, run
from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.questions import QaExample
from core.contracts.values import BASE, Method, Promotion, TaskName
from core.formats import read_questions
from core.store import Store

SHARE = 0.1
"""Of a language's training questions (the paper's few-shot data)."""

DEV_SHARE = 0.3
"""Of a dev set's contexts, where there is no training split."""


def main() -> None:
    """Run what has no report yet, then print the table."""
    arguments = _arguments()
    folder = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(str(folder / "store"))
    base = _base(arguments, store)
    for seed in arguments.seeds:
        for language in arguments.languages:
            for method in arguments.methods:
                _adapt(arguments, store, base, (language, seed, method))
    print(_table(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds tydiqa-goldp/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the store and the reports")
    parser.add_argument("--languages", nargs="*", default=["sw"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[42])
    parser.add_argument("--methods", nargs="+", type=Method, default=[Method.FT, Method.X_METRA_ADA])
    parser.add_argument("--encoder", default="embedded")
    parser.add_argument("--epochs", type=float, default=None, help="of the base, instead of the default")
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    return parser.parse_args()


def _base(arguments: argparse.Namespace, store: Store) -> str:
    """Train the English base, or return the one that was trained before."""
    live = store.deployments.live(TaskName.QA, BASE)
    if live is not None:
        return live.checkpoint_id
    chosen = {} if arguments.epochs is None else {"epochs": arguments.epochs}
    job = PretrainJob(
        task=TaskName.QA,
        source_language="en",
        dataset_id=_put(store, read(arguments.data, "train", "en"), "en"),
        evaluation_dataset_id=_put(store, read(arguments.data, "dev", "en"), "en"),
        encoder=arguments.encoder,
        settings=QaPretrainSettings(**chosen),
    )
    return str(run(job, arguments.out / "base.json", threads=arguments.threads).result.checkpoint_id)


def _adapt(arguments: argparse.Namespace, store: Store, base: str, cell: tuple[str, int, Method]) -> None:
    """Run one cell of the table."""
    language, seed, method = cell
    learnt, measured_on = few_shot(arguments.data, language, seed=seed)
    job = AdaptJob(
        task=TaskName.QA,
        language=language,
        dataset_id=_put(store, learnt, language),
        evaluation_dataset_id=_put(store, measured_on, language),
        base_id=base,
        method=method,
        hyperparameters=QaHyperparameters(seed=seed),
        promote=Promotion.NEVER,
    )
    run(job, arguments.out / f"{language}.{len(learnt)}.{seed}.{method}.json", threads=arguments.threads)


def few_shot(data: Path, language: str, *, seed: int) -> tuple[list[QaExample], list[QaExample]]:
    """Return questions to learn from and questions to measure on, without a context in both."""
    dev = read(data, "dev", language)
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    if _path(data, "train", language).exists():
        train = read(data, "train", language)
        contexts = {one.context for one in dev}
        chosen = draw.sample(range(len(train)), round(SHARE * len(train)))
        return [train[index] for index in sorted(chosen) if train[index].context not in contexts], dev
    contexts_of_dev = sorted({one.context for one in dev})
    chosen_contexts = set(draw.sample(contexts_of_dev, round(DEV_SHARE * len(contexts_of_dev))))
    return (
        [one for one in dev if one.context in chosen_contexts],
        [one for one in dev if one.context not in chosen_contexts],
    )


def read(data: Path, split: str, language: str) -> list[QaExample]:
    """Return the questions of a published file."""
    path = _path(data, split, language)
    return read_questions(path.read_bytes(), name=path.name)


def _path(data: Path, split: str, language: str) -> Path:
    return data / "tydiqa-goldp" / split / f"{language}.json"


def _put(store: Store, examples: list[QaExample], language: str) -> str:
    return store.datasets.put(examples, task=TaskName.QA, language=language).dataset_id


def _table(folder: Path) -> str:
    """Return the results as a Markdown table: mean ± standard deviation over the seeds."""
    rows: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    sizes: dict[str, list[int]] = defaultdict(list)
    for path in sorted(folder.glob("*.*.*.*.json")):
        language, learnt, _, method, _ = path.name.split(".")
        report = read_report(path)
        sizes[language].append(int(learnt))
        zero_shot = report.baselines[0].evaluation
        rows[language, "zero-shot"].append((zero_shot, 0.0, report.peak_memory_bytes))
        rows[language, method].append(measured(report))
    lines = header(("language", "learnt from", "method", "runs", "F1", "EM", "train s", "peak MB"))
    base = folder / "base.json"
    if base.exists():
        report = read_report(base)
        lines.append(row(("en", str(report.data["train"]), "PRE"), [measured(report)]))
    for (language, method), found in rows.items():
        learnt_from = "" if method == "zero-shot" else f"{statistics.mean(sizes[language]):.0f}"
        lines.append(row((language, learnt_from, method), found))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
