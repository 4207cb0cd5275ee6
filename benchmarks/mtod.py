"""MTOD on real data: a base from English, then adaptations on all or a few examples per intent.

Runs the same jobs as the worker (`core.pipeline.run` on a store), each in a subprocess, which measures its
peak memory, and stores every report, so that an interrupted run can be resumed.

    python -m benchmarks.mtod --data DIR --out .data/benchmarks --shots 10 30 full --seeds 42 35 119
"""

import argparse
import random
from collections import defaultdict
from pathlib import Path

from benchmarks.runs import header, read_report, row, run, run_result
from core.contracts.examples import MtodExample
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.values import BASE, MTOD, Method, Promotion
from core.formats import read_examples
from core.store import Store

FULL = "full"


def main() -> None:
    """Run the unfinished jobs, and print the table."""
    arguments = _arguments()
    folder = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(str(folder / "store"))
    base = _base(arguments, store, folder)
    for language in arguments.languages:
        for shots in arguments.shots:
            for seed in arguments.seeds:
                for method in arguments.methods:
                    _adapt(arguments, store, folder, base, (language, shots, seed, method))
    print(_table(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds mtod/")
    parser.add_argument("--out", type=Path, required=True, help="folder for the store and the reports")
    parser.add_argument("--languages", nargs="+", default=["es"])
    parser.add_argument("--shots", nargs="+", default=["10", "30", FULL], help="examples an intent, or full")
    parser.add_argument("--seeds", nargs="+", type=int, default=[42])
    parser.add_argument("--methods", nargs="+", type=Method, default=[Method.FT, Method.X_METRA_ADA])
    parser.add_argument("--encoder", default="embedded")
    parser.add_argument("--epochs", type=float, default=2.0, help="of the base: 30,521 examples need few")
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    return parser.parse_args()


def _base(arguments: argparse.Namespace, store: Store, folder: Path) -> str:
    """Train the English base, unless it exists, and return its checkpoint id."""
    live = store.deployments.live(MTOD, BASE)
    if live is not None:
        return live.checkpoint_id
    data = arguments.data / "mtod" / "en"
    job = PretrainJob(
        task=MTOD,
        source_language="en",
        dataset_id=_put(store, data / "train-en.conllu", "en"),
        evaluation_dataset_id=_put(store, data / "test-en.tsv", "en"),
        encoder=arguments.encoder,
        settings=PretrainSettings(epochs=arguments.epochs),
    )
    return str(run(job, folder / "base.json", threads=arguments.threads).result.checkpoint_id)


def _adapt(
    arguments: argparse.Namespace, store: Store, folder: Path, base: str, cell: tuple[str, str, int, Method]
) -> None:
    """Run a cell of the table, unless its report exists."""
    language, shots, seed, method = cell
    path = folder / f"{language}.{shots}.{seed}.{method}.json"
    if path.exists():
        return
    data = arguments.data / "mtod" / language
    examples = read_examples((data / f"eval-{language}.tsv").read_bytes())
    sample = examples if shots == FULL else few_shots(examples, int(shots), seed=seed)
    manifest = store.datasets.put(sample, task=MTOD, language=language)
    job = AdaptJob(
        task=MTOD,
        language=language,
        dataset_id=manifest.dataset_id,
        evaluation_dataset_id=_put(store, data / f"test-{language}.tsv", language),
        base_id=base,
        method=method,
        hyperparameters=Hyperparameters(seed=seed),
        promote=Promotion.NEVER,
    )
    run(job, path, threads=arguments.threads)


def few_shots(examples: list[MtodExample], count: int, *, seed: int) -> list[MtodExample]:
    """Sample at most `count` examples of each intent."""
    order = list(examples)
    random.Random(seed).shuffle(order)  # noqa: S311 - reproducible, not secret
    counts: dict[str, int] = defaultdict(int)
    sample = []
    for example in order:
        if counts[example.intent] < count:
            counts[example.intent] += 1
            sample.append(example)
    return sample


def _put(store: Store, path: Path, language: str) -> str:
    examples = read_examples(path.read_bytes(), name=path.name)
    return store.datasets.put(examples, task=MTOD, language=language).dataset_id


def _table(folder: Path) -> str:
    """Return the results as a Markdown table: mean ± standard deviation over the seeds."""
    rows = defaultdict(list)
    for path in sorted(folder.glob("*.*.*.*.json")):
        language, shots, _, method, _ = path.name.split(".")
        report = read_report(path)
        rows[language, shots, "zero-shot"].append(
            (report.baselines[0].evaluation, 0.0, report.peak_memory_bytes)
        )
        rows[language, shots, method].append(run_result(report))
    columns = ("language", "shots", "method", "runs", "intent", "slot F1", "exact", "train s", "peak MB")
    lines = header(columns)
    base = folder / "base.json"
    if base.exists():
        lines.append(row(("en", "train", "PRE"), [run_result(read_report(base))]))
    lines.extend(row(cell, runs) for cell, runs in rows.items())
    return "\n".join(lines)


if __name__ == "__main__":
    main()
