"""Generate the sample files from the grammars: ``python -m samples.generate --help``."""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.contracts.examples import MtodExample, SlotSpan
from samples.grammar import Grammar, GrammarError, read_grammar
from samples.patterns import Choice
from samples.utterance import Sampler

GRAMMARS = Path(__file__).parent / "grammars"
ATTEMPTS = 200
"""Attempts to generate a new utterance before the grammar counts as exhausted."""

COVERAGE = 2
"""Number of times that each slot of an intent occurs in its first examples."""

SOURCE_COUNTS: Mapping[str, int] = {
    "alarm/cancel_alarm": 130,
    "alarm/modify_alarm": 130,
    "alarm/set_alarm": 200,
    "alarm/show_alarms": 110,
    "alarm/snooze_alarm": 90,
    "alarm/time_left_on_alarm": 80,
    "reminder/cancel_reminder": 130,
    "reminder/set_reminder": 240,
    "reminder/show_reminders": 110,
    "weather/checkSunrise": 90,
    "weather/checkSunset": 90,
    "weather/find": 300,
}
"""Number of utterances of each intent in a source file: unbalanced, like real requests."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file to generate.

    Attributes:
        name: File name in the output folder.
        language: Folder of the grammar.
        counts: Number of utterances of each intent, or a common number for all.
        held_out: Whether held-out lines are used; texts of the language's earlier files are not repeated.
    """

    name: str
    language: str
    counts: Mapping[str, int] | int
    held_out: bool = False


FILES = (
    SampleFile("en.jsonl", "en", SOURCE_COUNTS),
    SampleFile("en.held-out.jsonl", "en", 18, held_out=True),
    SampleFile("es.few-shot.jsonl", "es", 10),
    SampleFile("es.held-out.jsonl", "es", 15, held_out=True),
    SampleFile("th.few-shot.jsonl", "th", 10),
    SampleFile("th.held-out.jsonl", "th", 15, held_out=True),
    SampleFile("sw.few-shot.jsonl", "sw", 10),
    SampleFile("sw.held-out.jsonl", "sw", 15, held_out=True),
)

EPILOG = """\
The same seed gives the same bytes on every machine. The files in the repository were made with

    python -m samples.generate --seed 7 --out samples/mtod

and a test compares them. To preview a file:

    python -m samples.generate --only es.few-shot.jsonl --out - | shuf -n 20

To add a language, write samples/grammars/TAG/*.grammar (see samples/README.md), and name its files
in FILES of samples/generate.py.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    names = options.only or [file.name for file in FILES]
    try:
        contents = generate(options.seed)
    except GrammarError as error:
        print(f"samples.generate: {error}", file=sys.stderr)
        return 1
    for name in names:
        if options.out == "-":
            sys.stdout.write(contents[name])
            continue
        folder = Path(options.out)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(contents[name], encoding="utf-8", newline="\n")
        print(f"{folder / name}: {contents[name].count(chr(10))} utterances")
    return 0


def generate(seed: int) -> dict[str, str]:
    """Return the content of every sample file by file name.

    Raises:
        GrammarError: A grammar is invalid, or has too few utterances for a file.
    """
    contents: dict[str, str] = {}
    keys: dict[str, set[str]] = {}
    for file in FILES:
        grammar = read_grammar(GRAMMARS / file.language)
        examples = _examples(file, grammar, seed, keys.setdefault(file.language, set()))
        contents[file.name] = "".join(_json_line(example) for example in examples)
    return contents


def _examples(file: SampleFile, grammar: Grammar, seed: int, keys: set[str]) -> list[MtodExample]:
    """Return the utterances of a file in random order, without those whose keys are known."""
    examples: list[MtodExample] = []
    for intent, lines in sorted(grammar.intents.items()):
        # A random generator per intent: a new frame does not change the utterances of other intents.
        generator = random.Random(f"{intent}/{file.name}/{seed}")
        sampler = Sampler(grammar, generator, held_out_share=0.6 if file.held_out else 0.0)
        frames = _rounds(list(lines) if file.held_out else lines.regular, grammar, generator)
        count = file.counts if isinstance(file.counts, int) else file.counts[intent]
        examples.extend(_new_example(intent, frames, sampler, keys) for _ in range(count))
    random.Random(f"{file.name}/{seed}").shuffle(examples)
    return examples


def _rounds(frames: list[Choice], grammar: Grammar, generator: random.Random) -> Iterator[Choice]:
    """Yield all frames in random order, round after round, so that their frequencies are balanced.

    The first round starts with frames such that each slot occurs `COVERAGE` times: ten randomly selected
    examples would omit the rare slots.
    """
    slot_counts: Counter[str] = Counter()
    generator.shuffle(frames)
    later: list[Choice] = []
    for frame in frames:
        slots = grammar.slots_of(frame)
        if any(slot_counts[slot] < COVERAGE for slot in slots):
            yield frame
        else:
            later.append(frame)
        slot_counts.update(slots)
    yield from later
    while True:
        generator.shuffle(frames)
        yield from frames


def _new_example(intent: str, frames: Iterator[Choice], sampler: Sampler, keys: set[str]) -> MtodExample:
    """Return an utterance whose key is not known, and add its key."""
    for _ in range(ATTEMPTS):
        utterance = sampler.sample(next(frames))
        if utterance.key not in keys and not utterance.repeats_itself:
            keys.add(utterance.key)
            slots = tuple(SlotSpan(slot=slot, start=start, end=end) for slot, start, end in utterance.spans)
            return MtodExample(text=utterance.text, intent=intent, slots=slots)
    raise GrammarError(f"@ {intent} has too few utterances: {ATTEMPTS} attempts in a row gave no new one")


def _json_line(example: MtodExample) -> str:
    content = example.model_dump(mode="json", exclude={"tokens"})
    return json.dumps(content, ensure_ascii=False) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m samples.generate",
        description="Generate the sample files (JSONL of text, intent and slots) from the grammars.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=7, help="random seed (default: %(default)s)")
    parser.add_argument(
        "--out", default="samples/mtod", metavar="FOLDER", help="where to write, '-' to print (%(default)s)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=[file.name for file in FILES],
        metavar="NAME",
        help=f"generate only this file; may be repeated ({', '.join(file.name for file in FILES)})",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
