"""Memory of an api that serves many languages, by what their adaptations trained.

Each row is a process of its own, which loads one language's model, or ten, as the api does, and asks each of
them a question. Weights are those of distinct tensors; resident memory is the process's, less what it had
with torch imported and no model. Heads and adapters are random: how many bytes they have does not depend on
what they learnt.

    python -m benchmarks.memory
"""

import argparse
import multiprocessing
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from core.contracts.values import TaskName, Trainable
from core.formats import read_examples
from core.store import Store
from core.system.compute import configure_computing

SAMPLES = Path(__file__).parent.parent / "samples" / "mtod"
BASE = "en"
MEBIBYTE = 2**20


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--languages", type=int, default=10)
    parser.add_argument("--encoder", default="embedded")
    arguments = parser.parse_args()
    print("| trained | models | weights MB | resident MB | against one |\n|---|---|---|---|---|")
    for trainable in Trainable:
        with tempfile.TemporaryDirectory() as folder:
            _in_a_process(_publish, folder, arguments.languages, arguments.encoder, trainable)
            one = _in_a_process(_load, folder, 1)
            many = _in_a_process(_load, folder, arguments.languages)
        for count, measured in ((1, one), (arguments.languages, many)):
            weights, resident = (number / MEBIBYTE for number in measured)
            against = " / ".join(f"{ours / first:.2f}" for ours, first in zip(measured, one, strict=True))
            print(f"| {trainable.value} | {count} | {weights:.1f} | {resident:.1f} | {against} |", flush=True)


def _in_a_process(work: object, *arguments: object) -> tuple[int, int]:
    """Call a function in a fresh process and return what it sends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, *arguments))  # type: ignore[arg-type]
    process.start()
    theirs.close()
    sent: tuple[int, int] = ours.recv()
    process.join()
    return sent


def _publish(told: Connection, folder: str, languages: int, encoder: str, trainable: Trainable) -> None:
    """Put a base and adaptations of it into a store."""
    configure_computing()
    from benchmarks.untrained import publish_untrained  # noqa: PLC0415 - torch after the threads are set

    examples = read_examples((SAMPLES / "en.jsonl").read_bytes())
    store = Store(folder)
    base = publish_untrained(store, examples, encoder=encoder, language=BASE)
    for number in range(languages):
        # Private tags: x-0, x-1…
        publish_untrained(
            store, examples, encoder=encoder, language=f"x-{number}", trainable=trainable, base_id=base
        )
    told.send((0, 0))


def _load(told: Connection, folder: str, languages: int) -> None:
    """Load so many models, ask each, and send the bytes of their weights and of the process."""
    configure_computing()
    from app.inference.model_cache import ModelCache, TorchLoader, engine  # noqa: PLC0415 - torch after the threads

    engine()
    before = _resident()
    models = ModelCache(Store(folder), TorchLoader("cpu"), max_bytes=2**62)
    held: dict[int, int] = {}
    for number in range(languages):
        model = models.get(TaskName.MTOD, f"untrained-x-{number}")
        model.answer(model.read(["set an alarm for six"]), top_k=3)
        held.update(model.memory)
    told.send((sum(held.values()), _resident() - before))


def _resident() -> int:
    """Return the bytes of memory that this process has."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
