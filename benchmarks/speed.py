"""Duration of training steps, compared with the bare encoder passes they contain.

Numbers are medians of interleaved repeats on the samples, so that a drift of the machine's speed affects all
of them equally. The ratio is the overhead of heads, CRF, optimiser and copies.

    python -m benchmarks.speed --repeats 7
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from core.contracts.hyperparameters import FineTuneSettings, InnerLoop, MetaSettings
from core.contracts.values import Trainable
from core.formats import read_examples
from core.system.compute import configure_computing, peak_memory_bytes

SAMPLES = Path(__file__).parent.parent / "samples" / "mtod"

MIN_SECONDS = 0.15
"""Duration for which short steps are repeated, because caches are cold after a step of another kind."""


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7, help="counted repeats of each step")
    parser.add_argument("--threads", type=int, default=0, help="0: every core")
    parser.add_argument("--encoder", default="embedded", help="or a hub id, a folder, or mbert-shape")
    arguments = parser.parse_args()
    configure_computing(arguments.threads)
    steps = _steps(arguments.encoder)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(arguments.repeats + 1):
        for name, step in steps.items():
            seconds = _timed(step)
            if repeat:  # the first round warms up
                times[name].append(seconds)
    print(_table(times))
    print(f"\npeak memory of this process: {peak_memory_bytes() / 2**20:.0f} MB")


def _steps(encoder: str) -> dict[str, Callable[[], object]]:
    """Return each kind of step by name, and with the suffix ``bare`` the encoder passes it contains."""
    from benchmarks.stages import Stages, encoder_of, released_episode  # noqa: PLC0415 - torch after the threads are set

    source = read_examples((SAMPLES / "en.jsonl").read_bytes())
    target = read_examples((SAMPLES / "es.few-shot.jsonl").read_bytes())
    stages = Stages(encoder=encoder_of(encoder), source=source, target=target)
    fine_tune, meta = FineTuneSettings(), MetaSettings()
    steps: dict[str, Callable[[], object]] = {
        "fine-tune, bare": lambda: stages.bare_fine_tune(fine_tune),
        "fine-tune": lambda: stages.fine_tune(fine_tune),
        "meta-train, bare": lambda: stages.bare_episode(meta),
    }
    for inner_loop in InnerLoop:
        settings = meta.model_copy(update={"inner_loop": inner_loop})
        steps[f"meta-train, {inner_loop}"] = lambda settings=settings: stages.episode(settings)  # type: ignore[misc]
    for trainable in (Trainable.HEADS, Trainable.LORA):
        partial_stages = Stages(
            encoder=encoder_of(encoder), source=source, target=target, trainable=trainable
        )
        steps[f"meta-train, {trainable}"] = lambda stages=partial_stages: stages.episode(meta)  # type: ignore[misc]
    steps["meta-train, as released"] = released_episode(
        Stages(encoder=encoder_of(encoder), source=source, target=target), meta
    )
    return steps


def _timed(step: Callable[[], object]) -> float:
    """Return the seconds of a step, averaged over repeats if it is short."""
    start = time.perf_counter()
    count = 0
    while (elapsed := time.perf_counter() - start) < MIN_SECONDS:
        step()
        count += 1
    return elapsed / count


def _table(times: dict[str, list[float]]) -> str:
    """Return a table of medians, ranges and ratios to the bare passes."""
    lines = ["| step | median s | min–max s | ratio to bare |", "|---|---|---|---|"]
    for name, seconds in times.items():
        bare = times[f"{name.partition(',')[0]}, bare"]
        ratio = statistics.median(a / b for a, b in zip(seconds, bare, strict=True))
        median, spread = statistics.median(seconds), f"{min(seconds):.3f}–{max(seconds):.3f}"
        lines.append(f"| {name} | {median:.3f} | {spread} | {ratio:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
