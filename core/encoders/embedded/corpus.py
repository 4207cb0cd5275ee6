"""Parallel text of English and another language, with a file per language."""

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
"""Languages of the shipped encoder other than English."""

HELD_OUT_ORIGIN = "ntrex"
"""Origin of news sentences in document order, translated by professionals; the last ones are held out."""

HELD_OUT = 300
"""Number of sentences per language that are not used in a build."""

JOINED_SHARE = 0.6
"""Share of the Thai pairs whose spaces between Thai letters are removed, as people write without them."""

_THAI_SPACE = re.compile(r"(?<=[\u0e00-\u0e7f]) (?=[\u0e00-\u0e7f])")


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence in two languages.

    Attributes:
        english: The English sentence.
        target: Its translation.
        origin: Name of the source corpus.
    """

    english: str
    target: str
    origin: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """The parallel text of a language.

    Attributes:
        language: BCP-47 tag.
        train: Training pairs.
        held_out: Evaluation pairs.
    """

    language: str
    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]


def read_corpus(folder: Path, language: str, *, seed: int) -> Corpus:
    """Read the file of a language, and hold out its last news sentences.

    Args:
        folder: Folder of ``en-XX.tsv.gz`` with the columns en, target and origin.
        language: XX.
        seed: Random seed of the selection of Thai pairs without spaces.

    Raises:
        InvalidInput: The file is missing or invalid; the error has every fault with its line.
    """
    pairs = _read_pairs(folder / f"en-{language}.tsv.gz")
    news = [index for index, pair in enumerate(pairs) if pair.origin == HELD_OUT_ORIGIN]
    held_out = set(news[-HELD_OUT:])
    held_out_english = {pairs[index].english for index in held_out}
    train = [
        pair
        for index, pair in enumerate(pairs)
        if index not in held_out and pair.english not in held_out_english
    ]
    return Corpus(
        language,
        tuple(_remove_thai_spaces(train, language, seed)),
        tuple(pairs[index] for index in sorted(held_out)),
    )


def _read_pairs(path: Path) -> list[Pair]:
    """Read all pairs with text on both sides."""
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


def _remove_thai_spaces(pairs: Sequence[Pair], language: str, seed: int) -> list[Pair]:
    """Remove the translators' spaces from some Thai sentences; other languages are unchanged."""
    if language != "th":
        return list(pairs)
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return [
        Pair(pair.english, _THAI_SPACE.sub("", pair.target), pair.origin)
        if generator.random() < JOINED_SHARE
        else pair
        for pair in pairs
    ]
