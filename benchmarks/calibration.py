r"""Does `confidence` mean something? Calibration errors on examples that no temperature has seen.

Makes a base, adapts a language, and measures both on a half of the held-out file that the jobs are not given,
through the answers a user would get: as the model says, and at the temperatures of the checkpoint. The errors
of the report are told beside them. Runs the jobs that the worker runs, and keeps every report, so that a run
that was stopped goes on where it was.

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
from core.contracts.values import Method, Promotion, TaskName, Trainable
from core.evaluation.calibration import Judged, expected_calibration_error
from core.formats import read_examples
from core.store import Store
from core.tasks.holdout import in_lasting_order

if TYPE_CHECKING:
    from core.tasks.mtod.decoding import Answer

MTOD = TaskName.MTOD
SAMPLES = Path(__file__).parent.parent / "samples" / "mtod"


def main() -> None:
    """Run what has no report yet, then print the table."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    store = Store(str(arguments.out / "store"))
    given, unseen = _halves(arguments.source_held)
    base = _base(arguments, store, given)
    columns = ("model", "answers of", "temperature", "unseen", "ECE", "calibrated", "report's", "calibrated")
    lines = [*header(columns), *_rows("base", base, store, unseen)]
    given, unseen = _halves(arguments.held)
    for method in arguments.methods:
        report = _adapt(arguments, store, str(base.result.checkpoint_id), method, given)
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
    """Return the examples of a file that a job is given, and those that it is not; no text is in both."""
    examples = read_examples(path.read_bytes())
    half = set(in_lasting_order({one.text for one in examples})[::2])
    return [one for one in examples if one.text in half], [one for one in examples if one.text not in half]


def _base(arguments: argparse.Namespace, store: Store, held: list[MtodExample]) -> Report:
    job = PretrainJob(
        task=MTOD,
        source_language="en",
        dataset_id=_put(store, read_examples(arguments.source.read_bytes()), "en"),
        evaluation_dataset_id=_put(store, held, "en"),
        encoder=arguments.encoder,
        settings=PretrainSettings(epochs=arguments.epochs),
        seed=arguments.seed,
    )
    return run(job, arguments.out / "base.json", threads=arguments.threads)


def _adapt(
    arguments: argparse.Namespace, store: Store, base: str, method: Method, held: list[MtodExample]
) -> Report:
    job = AdaptJob(
        task=MTOD,
        language=arguments.language,
        dataset_id=_put(store, read_examples(arguments.few_shot.read_bytes()), arguments.language),
        evaluation_dataset_id=_put(store, held, arguments.language),
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
    """Return a line for the intents of a model, and one for its slots."""
    manifest = store.checkpoints.manifest(MTOD, str(report.result.checkpoint_id))
    calibration = report.result.calibration
    if calibration is None:
        raise SystemExit(f"the report of {name} is from before there was calibration")
    plain = _judged(store, manifest.model_copy(update={"temperatures": PLAIN}), unseen)
    scaled = _judged(store, manifest, unseen)
    found = {"intents": calibration.intents, "slots": calibration.slots}
    return [_row((name, kind), found[kind], plain[kind], scaled[kind]) for kind in found]


def _row(cell: tuple[str, str], told: Calibrated, plain: Judged, scaled: Judged) -> str:
    errors = (*map(expected_calibration_error, (plain, scaled)), told.ece_before, told.ece_after)
    figures = ["" if error is None else f"{100 * error:.1f}" for error in errors]
    return f"| {' | '.join([*cell, f'{told.temperature:.2f}', str(len(plain.right)), *figures])} |"


def _judged(store: Store, manifest: CheckpointManifest, examples: list[MtodExample]) -> dict[str, Judged]:
    """Ask for the texts as users do, and hold each confidence against what is right."""
    from core.predictor import Predictor  # noqa: PLC0415 - jobs set their threads before torch comes

    answers = Predictor.open(store, manifest).predict([one.text for one in examples], top_k=1)
    pairs = list(zip(examples, answers, strict=True))
    return {
        "intents": _paired(
            [(told.intents[0].confidence, told.intents[0].name == one.intent) for one, told in pairs]
        ),
        "slots": _paired([pair for one, told in pairs for pair in _slots(one, told)]),
    }


def _slots(example: MtodExample, told: "Answer") -> list[tuple[float, bool]]:
    return [
        (slot.confidence, span in example.slots) for slot, span in zip(told.slots, told.spans, strict=True)
    ]


def _paired(pairs: list[tuple[float, bool]]) -> Judged:
    return Judged(np.array([sure for sure, _ in pairs]), np.array([right for _, right in pairs], dtype=bool))


if __name__ == "__main__":
    main()
