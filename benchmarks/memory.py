"""Memory of the API with many languages, by the trainable tensors of their adaptations.

Each row is a separate process, which loads the model of one or of ten languages as the API does, and predicts
with each. Weights are those of distinct tensors; resident memory is that of the process minus its memory
after the import of torch. Heads and adapters are random, because their size does not depend on their values.

    python -m benchmarks.memory
"""

import argparse
import multiprocessing
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from core.contracts.values import MTOD, Trainable
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
            _in_subprocess(_publish, folder, arguments.languages, arguments.encoder, trainable)
            single = _in_subprocess(_load, folder, 1)
            many = _in_subprocess(_load, folder, arguments.languages)
        for count, measured in ((1, single), (arguments.languages, many)):
            weights, resident = (number / MEBIBYTE for number in measured)
            against = " / ".join(f"{ours / first:.2f}" for ours, first in zip(measured, single, strict=True))
            print(f"| {trainable.value} | {count} | {weights:.1f} | {resident:.1f} | {against} |", flush=True)


def _in_subprocess(work: object, *arguments: object) -> tuple[int, int]:
    """Call a function in a new process, and return the numbers that it sends."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(sender, *arguments))  # type: ignore[arg-type]
    process.start()
    sender.close()
    numbers: tuple[int, int] = receiver.recv()
    process.join()
    return numbers


def _publish(connection: Connection, folder: str, languages: int, encoder: str, trainable: Trainable) -> None:
    """Publish a base and adaptations of it."""
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
    connection.send((0, 0))


def _load(connection: Connection, folder: str, languages: int) -> None:
    """Load models, predict with each, and send the bytes of their weights and of the process."""
    configure_computing()
    from app.inference.model_cache import ModelCache, TorchLoader, engine  # noqa: PLC0415 - torch after the threads

    engine()
    before = _resident()
    models = ModelCache(Store(folder), TorchLoader("cpu"), max_bytes=2**62)
    tensor_bytes: dict[int, int] = {}
    for number in range(languages):
        model = models.get(MTOD, f"untrained-x-{number}")
        model.answer(model.read(["set an alarm for six"]), top_k=3)
        tensor_bytes.update(model.memory)
    connection.send((sum(tensor_bytes.values()), _resident() - before))


def _resident() -> int:
    """Return the resident memory of this process in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
