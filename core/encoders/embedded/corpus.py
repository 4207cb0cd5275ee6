"""Parallel text: English beside another language, one file a language."""

import csv
import gzip
import io
import random
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import Fault, InvalidInput

COLUMNS = ["en", "target", "origin"]

LANGUAGES: Final = (
    *("es", "th", "de", "fr", "ar", "hi", "bn", "te", "ja", "zh", "ko"),
    *("ru", "sw", "fi", "id", "tr", "vi", "it", "pt", "pl", "nl"),
)
"""What the shipped encoder reads beside English."""

HELD_OUT_ORIGIN = "ntrex"
"""News sentences, translated by professionals in document order: the last ones are held out."""

HELD_OUT = 300
"""Sentences of a language that no part of a build sees."""

JOINED_SHARE = 0.6
"""Of the Thai pairs, those whose spaces between Thai letters are taken out: people write without them."""

_THAI_SPACE = re.compile(r"(?<=[\u0e00-\u0e7f]) (?=[\u0e00-\u0e7f])")


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence in two languages.

    Attributes:
        english: The source.
        target: Its translation.
        origin: The corpus it comes from.
    """

    english: str
    target: str
    origin: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """The parallel text of one language.

    Attributes:
        language: BCP-47.
        train: What is learnt from.
        held_out: What only measures.
    """

    language: str
    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]


def read_corpus(folder: Path, language: str, *, seed: int) -> Corpus:
    """Read a language's file and hold its last news sentences out.

    Args:
        folder: Holds ``en-XX.tsv.gz`` with the columns en, target and origin.
        language: XX.
        seed: Chooses which Thai pairs lose their spaces.

    Raises:
        InvalidInput: The file is not there or not what it should be; every fault is told with its line.
    """
    pairs = _read_pairs(folder / f"en-{language}.tsv.gz")
    news = [index for index, pair in enumerate(pairs) if pair.origin == HELD_OUT_ORIGIN]
    held = set(news[-HELD_OUT:])
    english_held = {pairs[index].english for index in held}
    train = [
        pair for index, pair in enumerate(pairs) if index not in held and pair.english not in english_held
    ]
    return Corpus(
        language,
        tuple(_as_people_write(train, language, seed)),
        tuple(pairs[index] for index in sorted(held)),
    )


def _read_pairs(path: Path) -> list[Pair]:
    """Read every pair that has text on both sides."""
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InvalidInput([Fault(path.name, f"cannot be read as gzipped UTF-8: {error}")]) from error
    rows = csv.reader(io.StringIO(text, newline="\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    if (header := next(rows, [])) != COLUMNS:
        raise InvalidInput([Fault(f"{path.name} line 1", f"the columns are {header}, not {COLUMNS}")])
    pairs, faults = [], []
    for number, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            faults.append(
                Fault(f"{path.name} line {number}", f"{len(row)} columns instead of {len(COLUMNS)}")
            )
        elif row[0].strip() and row[1].strip():
            pairs.append(Pair(row[0].strip(), row[1].strip(), row[2]))
    if faults:
        raise InvalidInput(faults)
    return pairs


def _as_people_write(pairs: Sequence[Pair], language: str, seed: int) -> list[Pair]:
    """Take the translators' spaces out of some Thai sentences; leave all other languages alone."""
    if language != "th":
        return list(pairs)
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [
        Pair(pair.english, _THAI_SPACE.sub("", pair.target), pair.origin)
        if draw.random() < JOINED_SHARE
        else pair
        for pair in pairs
    ]
