r"""Calibration errors of `confidence` on examples that no temperature was fitted on.

Trains a base, adapts a language, and evaluates both on a half of the held-out file that the jobs do not get,
by the predictions of the API: without temperatures, and with those of the checkpoint, beside the errors of
the report. Runs the same jobs as the worker, and stores every report, so that an interrupted run can be
resumed.

    python -m benchmarks.calibration --out .data/benchmarks-calibration
    python -m benchmarks.calibration --out DIR --source train-en.conllu --source-held test-en.tsv \
        --language th --few-shot eval-th.tsv --held test-th.tsv --methods ft x-metra-ada
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.runs import header, run
from core.contracts.calibrations import PLAIN, Calibrated
from core.contracts.examples import MtodExample
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.jobs import AdaptJob, PretrainJob
from core.contracts.reports import CheckpointManifest, Report
from core.contracts.values import MTOD, Method, Promotion, Trainable
from core.evaluation.calibration import ScoredAnswers, expected_calibration_error
from core.formats import read_examples
from core.store import Store
from core.tasks.holdout import sorted_by_hash

if TYPE_CHECKING:
    from core.tasks.mtod.decoding import MtodAnswer

SAMPLES = Path(__file__).parent.parent / "samples" / "mtod"


def main() -> None:
    """Run the unfinished jobs, and print the table."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    store = Store(str(arguments.out / "store"))
    evaluation, unseen = _halves(arguments.source_held)
    base = _base(arguments, store, evaluation)
    columns = ("model", "answers of", "temperature", "unseen", "ECE", "calibrated", "report's", "calibrated")
    lines = [*header(columns), *_rows("base", base, store, unseen)]
    evaluation, unseen = _halves(arguments.held)
    for method in arguments.methods:
        report = _adapt(arguments, store, str(base.result.checkpoint_id), method, evaluation)
        lines += _rows(f"{arguments.language} {method}", report, store, unseen)
    print("\n".join(lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the store and the reports")
    parser.add_argument("--source", type=Path, default=SAMPLES / "en.jsonl")
    parser.add_argument("--source-held", type=Path, default=SAMPLES / "en.held-out.jsonl")
    parser.add_argument("--language", default="es")
    parser.add_argument("--few-shot", type=Path, default=SAMPLES / "es.few-shot.jsonl")
    parser.add_argument("--held", type=Path, default=SAMPLES / "es.held-out.jsonl")
    parser.add_argument("--methods", nargs="+", type=Method, default=[Method.FT])
    parser.add_argument("--trainable", type=Trainable, default=Trainable.ALL, choices=list(Trainable))
    parser.add_argument("--encoder", default="embedded")
    parser.add_argument("--epochs", type=float, default=3.0, help="of the base")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    return parser.parse_args()


def _halves(path: Path) -> tuple[list[MtodExample], list[MtodExample]]:
    """Split a file into examples for the job and examples for this benchmark, without common texts."""
    examples = read_examples(path.read_bytes())
    half = set(sorted_by_hash({example.text for example in examples})[::2])
    return (
        [example for example in examples if example.text in half],
        [example for example in examples if example.text not in half],
    )


def _base(arguments: argparse.Namespace, store: Store, evaluation: list[MtodExample]) -> Report:
    job = PretrainJob(
        task=MTOD,
        source_language="en",
        dataset_id=_put(store, read_examples(arguments.source.read_bytes()), "en"),
        evaluation_dataset_id=_put(store, evaluation, "en"),
        encoder=arguments.encoder,
        settings=PretrainSettings(epochs=arguments.epochs),
        seed=arguments.seed,
    )
    return run(job, arguments.out / "base.json", threads=arguments.threads)


def _adapt(
    arguments: argparse.Namespace, store: Store, base: str, method: Method, evaluation: list[MtodExample]
) -> Report:
    job = AdaptJob(
        task=MTOD,
        language=arguments.language,
        dataset_id=_put(store, read_examples(arguments.few_shot.read_bytes()), arguments.language),
        evaluation_dataset_id=_put(store, evaluation, arguments.language),
        base_id=base,
        method=method,
        hyperparameters=Hyperparameters(seed=arguments.seed, trainable=arguments.trainable),
        promote=Promotion.NEVER,
    )
    path = arguments.out / f"{arguments.language}.{arguments.trainable}.{arguments.seed}.{method}.json"
    return run(job, path, threads=arguments.threads)


def _put(store: Store, examples: list[MtodExample], language: str) -> str:
    return store.datasets.put(examples, task=MTOD, language=language).dataset_id


def _rows(name: str, report: Report, store: Store, unseen: list[MtodExample]) -> list[str]:
    """Return a line for the intents of a model, and a line for its slots."""
    manifest = store.checkpoints.manifest(MTOD, str(report.result.checkpoint_id))
    calibration = report.result.calibration
    if calibration is None:
        raise SystemExit(f"the report of {name} is from before there was calibration")
    unscaled = _scored_answers(store, manifest.model_copy(update={"temperatures": PLAIN}), unseen)
    scaled = _scored_answers(store, manifest, unseen)
    reported = {"intents": calibration.intents, "slots": calibration.slots}
    return [_row((name, kind), reported[kind], unscaled[kind], scaled[kind]) for kind in reported]


def _row(cell: tuple[str, str], reported: Calibrated, unscaled: ScoredAnswers, scaled: ScoredAnswers) -> str:
    errors = (*map(expected_calibration_error, (unscaled, scaled)), reported.ece_before, reported.ece_after)
    figures = ["" if error is None else f"{100 * error:.1f}" for error in errors]
    return f"| {' | '.join([*cell, f'{reported.temperature:.2f}', str(len(unscaled.correct)), *figures])} |"


def _scored_answers(
    store: Store, manifest: CheckpointManifest, examples: list[MtodExample]
) -> dict[str, ScoredAnswers]:
    """Predict as the API does, and return confidences with correctness."""
    from core.predictor import Predictor  # noqa: PLC0415 - jobs set their threads before torch is imported

    answers = Predictor.open(store, manifest).predict([example.text for example in examples], top_k=1)
    pairs = list(zip(examples, answers, strict=True))
    return {
        "intents": _from_pairs(
            [
                (answer.intents[0].confidence, answer.intents[0].name == example.intent)
                for example, answer in pairs
            ]
        ),
        "slots": _from_pairs([pair for example, answer in pairs for pair in _slots(example, answer)]),
    }


def _slots(example: MtodExample, answer: "MtodAnswer") -> list[tuple[float, bool]]:
    return [
        (slot.confidence, span in example.slots)
        for slot, span in zip(answer.slots, answer.spans, strict=True)
    ]


def _from_pairs(pairs: list[tuple[float, bool]]) -> ScoredAnswers:
    return ScoredAnswers(
        np.array([confidence for confidence, _ in pairs]),
        np.array([correct for _, correct in pairs], dtype=bool),
    )


if __name__ == "__main__":
    main()
