"""Make the question samples from their sources: ``python -m samples.build_questions --help``.

A source is a text file of articles; an article has one or more paragraphs, each on one line and followed by
its questions::

    # Title of an article
    One paragraph on one line.
    ? A question :: the answer exactly as it stands in the paragraph
    ? Another question :: an answer that occurs more than once @2

``@2`` says that the second occurrence is meant. Blank lines mean nothing.
"""

import argparse
import itertools
import json
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SOURCES = Path(__file__).parent / "questions"
VERSION = "xmetra-samples-1"
ANSWER = re.compile(r"(?P<text>.+?)(?:\s+@(?P<number>\d+))?")

EPILOG = """\
The same sources give the same bytes. The files beside the project were made with

    python -m samples.build_questions --out samples/qa

and a test compares them.
"""


class SourceError(ValueError):
    """The sources cannot be used; the message tells every fault with its file and line."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in one line of a source."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return the fault as editors know to read it."""
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its answer is.

    Attributes:
        text: What is asked.
        answer: The answer, a part of the paragraph.
        start: Where it begins in the paragraph, in Unicode code points.
        line: The line of the source.
    """

    text: str
    answer: str
    start: int
    line: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, the line it stands on, and what is asked about it."""

    text: str
    line: int
    questions: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Article:
    """A titled sequence of paragraphs, and the line of its title."""

    title: str
    line: int
    paragraphs: list[Paragraph] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        contents = build(options.sources)
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (options.out / name).write_text(content, encoding="utf-8", newline="\n")
        count = content.count('"question": ')
        print(f"{options.out / name}: {count} questions")
    return 0


def build(folder: Path) -> dict[str, str]:
    """Return the content of every file of questions, SQuAD v1.1, by its name.

    Raises:
        SourceError: There is no source, or at least one has a fault.
    """
    sources = [Source(file) for file in sorted(folder.glob("*.txt"))]
    if not sources:
        raise SourceError(f"{folder} holds no .txt file")
    faults = [fault for source in sources for fault in source.faults]
    faults.extend(_repeats(sources))
    if faults:
        raise SourceError("\n".join(str(fault) for fault in sorted(faults)))
    return {f"{source.file.stem}.json": source.squad() for source in sources}


class Source:
    """One source file. Reading goes on after a fault, so that all are known at once.

    Attributes:
        file: Where it was read from.
        articles: What it says.
        faults: What is wrong with it, taken by itself.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.articles: list[Article] = []
        self.faults: list[Fault] = []
        self._asked: set[int] = set()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            self._read(number, line.strip())
        self._look_for_gaps()

    def paragraphs(self) -> Iterator[Paragraph]:
        """Yield the paragraphs of all articles."""
        for article in self.articles:
            yield from article.paragraphs

    def fault(self, line: int, message: str) -> Fault:
        """Return a fault of this file."""
        return Fault(str(self.file), line, message)

    def squad(self) -> str:
        """Return the source as SQuAD v1.1 JSON; questions are numbered through the file."""
        prefix = self.file.stem.replace(".", "-")
        names = (f"{prefix}-{number:04d}" for number in itertools.count(1))
        content = {"version": VERSION, "data": [_article(article, names) for article in self.articles]}
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    def _read(self, number: int, line: str) -> None:
        if line.startswith("#"):
            self.articles.append(Article(line.removeprefix("#").strip(), number))
        elif line.startswith("?"):
            self._read_question(number, line.removeprefix("?"))
        elif line and self.articles:
            self.articles[-1].paragraphs.append(Paragraph(line, number))
        elif line:
            self.faults.append(self.fault(number, "a paragraph stands before the first title"))

    def _read_question(self, number: int, line: str) -> None:
        if not self.articles or not self.articles[-1].paragraphs:
            self.faults.append(self.fault(number, "a question stands before its paragraph"))
            return
        paragraph = self.articles[-1].paragraphs[-1]
        self._asked.add(paragraph.line)
        try:
            paragraph.questions.append(_question(line, number, paragraph))
        except ValueError as error:
            self.faults.append(self.fault(number, str(error)))

    def _look_for_gaps(self) -> None:
        """Tell what has nothing below it."""
        if not self.articles:
            self.faults.append(self.fault(1, "the file has no article"))
        for article in self.articles:
            if not article.title:
                self.faults.append(self.fault(article.line, "the title is empty"))
            if not article.paragraphs:
                self.faults.append(self.fault(article.line, "the article has no paragraph"))
        for paragraph in self.paragraphs():
            if paragraph.line not in self._asked:
                self.faults.append(self.fault(paragraph.line, "the paragraph has no question"))


def _question(line: str, number: int, paragraph: Paragraph) -> Question:
    """Read a question and find its answer.

    Raises:
        ValueError: A part is missing, or the answer is not there, or not once.
    """
    text, mark, given = (part.strip() for part in line.partition("::"))
    if not mark:
        raise ValueError("the question has no ::, which must stand before its answer")
    match = ANSWER.fullmatch(given)
    if not text or not match:
        raise ValueError("the question or its answer is empty")
    answer = match["text"]
    starts = [found.start() for found in re.finditer(f"(?={re.escape(answer)})", paragraph.text)]
    return Question(text, answer, _choose(starts, match["number"], answer, paragraph.line), number)


def _choose(starts: Sequence[int], number: str | None, answer: str, line: int) -> int:
    """Return where the answer begins that the source means.

    Raises:
        ValueError: There is no such occurrence, or there are several and none is named.
    """
    there = f"in the paragraph of line {line}"
    if not starts:
        raise ValueError(f"{answer!r} is not {there}")
    if number is None and len(starts) > 1:
        raise ValueError(f"{answer!r} occurs {len(starts)} times {there}: say which one, with @1 or @2 …")
    chosen = int(number or 1)
    if not 1 <= chosen <= len(starts):
        raise ValueError(f"{answer!r} @{chosen} is not {there}, where it occurs {len(starts)} time(s)")
    return starts[chosen - 1]


def _repeats(sources: Sequence[Source]) -> Iterator[Fault]:
    """Tell every paragraph and question that was told before, in whatever file, case and marks."""
    told: dict[tuple[str, str], str] = {}
    for source in sources:
        for paragraph in source.paragraphs():
            texts = [("paragraph", paragraph.text, paragraph.line)]
            texts += [("question", question.text, question.line) for question in paragraph.questions]
            for kind, text, line in texts:
                key = (kind, " ".join(re.findall(r"\w+", text.casefold())))
                first = told.setdefault(key, f"{source.file}:{line}")
                if first != f"{source.file}:{line}":
                    yield source.fault(line, f"the {kind} was told before, in {first}")


def _article(article: Article, names: Iterator[str]) -> dict[str, object]:
    return {
        "title": article.title,
        "paragraphs": [
            {
                "context": paragraph.text,
                "qas": [_qa(question, next(names)) for question in paragraph.questions],
            }
            for paragraph in article.paragraphs
        ],
    }


def _qa(question: Question, name: str) -> dict[str, object]:
    answer = {"text": question.answer, "answer_start": question.start}
    return {"id": name, "question": question.text, "answers": [answer]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m samples.build_questions",
        description="Make the question samples (SQuAD v1.1 JSON) from their sources.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--sources",
        type=Path,
        default=SOURCES,
        metavar="FOLDER",
        help="where the *.txt files are (%(default)s)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("samples/qa"),
        metavar="FOLDER",
        help="where to write (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
