"""Build the question samples from their sources: ``python -m samples.build_questions --help``.

A source is a text file of articles. An article has one or more paragraphs, each on a single line and followed
by its questions::

    # Title of an article
    One paragraph on one line.
    ? A question :: the answer exactly as it stands in the paragraph
    ? Another question :: an answer that occurs more than once @2

``@2`` selects the second occurrence. Blank lines are ignored.
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
The same sources give the same bytes. The files in the repository were made with

    python -m samples.build_questions --out samples/qa

and a test compares them.
"""


class SourceError(ValueError):
    """The sources are invalid; the message lists every fault with its file and line."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """A fault in a line of a source."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return the fault in the format that editors recognise."""
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answer.

    Attributes:
        text: The question.
        answer: The answer, a substring of the paragraph.
        start: Offset of the answer in the paragraph, in Unicode code points.
        line: Line number in the source.
    """

    text: str
    answer: str
    start: int
    line: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph, its line number in the source, and its questions."""

    text: str
    line: int
    questions: list[Question] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Article:
    """An article: title, line number of the title, and paragraphs."""

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
    """Return the content of every question file (SQuAD v1.1) by file name.

    Raises:
        SourceError: There is no source, or a source has faults.
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
    """A source file. Parsing continues after a fault, so that all faults are reported together.

    Attributes:
        file: Path of the file.
        articles: Parsed articles.
        faults: Faults of this file alone.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.articles: list[Article] = []
        self.faults: list[Fault] = []
        self._lines_with_questions: set[int] = set()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            self._parse_line(number, line.strip())
        self._check_completeness()

    def paragraphs(self) -> Iterator[Paragraph]:
        """Yield the paragraphs of all articles."""
        for article in self.articles:
            yield from article.paragraphs

    def fault(self, line: int, message: str) -> Fault:
        """Return a fault of this file."""
        return Fault(str(self.file), line, message)

    def squad(self) -> str:
        """Return the source as SQuAD v1.1 JSON, with questions numbered consecutively."""
        prefix = self.file.stem.replace(".", "-")
        ids = (f"{prefix}-{number:04d}" for number in itertools.count(1))
        content = {"version": VERSION, "data": [_article(article, ids) for article in self.articles]}
        return json.dumps(content, ensure_ascii=False, indent=1) + "\n"

    def _parse_line(self, number: int, line: str) -> None:
        if line.startswith("#"):
            self.articles.append(Article(line.removeprefix("#").strip(), number))
        elif line.startswith("?"):
            self._parse_question(number, line.removeprefix("?"))
        elif line and self.articles:
            self.articles[-1].paragraphs.append(Paragraph(line, number))
        elif line:
            self.faults.append(self.fault(number, "a paragraph stands before the first title"))

    def _parse_question(self, number: int, line: str) -> None:
        if not self.articles or not self.articles[-1].paragraphs:
            self.faults.append(self.fault(number, "a question stands before its paragraph"))
            return
        paragraph = self.articles[-1].paragraphs[-1]
        self._lines_with_questions.add(paragraph.line)
        try:
            paragraph.questions.append(_parse_question(line, number, paragraph))
        except ValueError as error:
            self.faults.append(self.fault(number, str(error)))

    def _check_completeness(self) -> None:
        """Add faults for missing articles, titles, paragraphs and questions."""
        if not self.articles:
            self.faults.append(self.fault(1, "the file has no article"))
        for article in self.articles:
            if not article.title:
                self.faults.append(self.fault(article.line, "the title is empty"))
            if not article.paragraphs:
                self.faults.append(self.fault(article.line, "the article has no paragraph"))
        for paragraph in self.paragraphs():
            if paragraph.line not in self._lines_with_questions:
                self.faults.append(self.fault(paragraph.line, "the paragraph has no question"))


def _parse_question(line: str, number: int, paragraph: Paragraph) -> Question:
    """Parse a question and locate its answer.

    Raises:
        ValueError: A part is missing, or the answer does not occur, or is ambiguous.
    """
    text, separator, answer_part = (part.strip() for part in line.partition("::"))
    if not separator:
        raise ValueError("the question has no ::, which must stand before its answer")
    match = ANSWER.fullmatch(answer_part)
    if not text or not match:
        raise ValueError("the question or its answer is empty")
    answer = match["text"]
    starts = [occurrence.start() for occurrence in re.finditer(f"(?={re.escape(answer)})", paragraph.text)]
    return Question(text, answer, _select_start(starts, match["number"], answer, paragraph.line), number)


def _select_start(starts: Sequence[int], number: str | None, answer: str, line: int) -> int:
    """Return the offset of the selected occurrence of an answer.

    Raises:
        ValueError: There is no such occurrence, or there are several and none is selected.
    """
    place = f"in the paragraph of line {line}"
    if not starts:
        raise ValueError(f"{answer!r} is not {place}")
    if number is None and len(starts) > 1:
        raise ValueError(f"{answer!r} occurs {len(starts)} times {place}: say which one, with @1 or @2 …")
    index = int(number or 1)
    if not 1 <= index <= len(starts):
        raise ValueError(f"{answer!r} @{index} is not {place}, where it occurs {len(starts)} time(s)")
    return starts[index - 1]


def _repeats(sources: Sequence[Source]) -> Iterator[Fault]:
    """Yield a fault for every repeated paragraph or question of all files, ignoring case and punctuation."""
    locations: dict[tuple[str, str], str] = {}
    for source in sources:
        for paragraph in source.paragraphs():
            texts = [("paragraph", paragraph.text, paragraph.line)]
            texts += [("question", question.text, question.line) for question in paragraph.questions]
            for kind, text, line in texts:
                key = (kind, " ".join(re.findall(r"\w+", text.casefold())))
                first = locations.setdefault(key, f"{source.file}:{line}")
                if first != f"{source.file}:{line}":
                    yield source.fault(line, f"the {kind} repeats the one in {first}")


def _article(article: Article, ids: Iterator[str]) -> dict[str, object]:
    return {
        "title": article.title,
        "paragraphs": [
            {
                "context": paragraph.text,
                "qas": [_qa(question, next(ids)) for question in paragraph.questions],
            }
            for paragraph in article.paragraphs
        ],
    }


def _qa(question: Question, question_id: str) -> dict[str, object]:
    answer = {"text": question.answer, "answer_start": question.start}
    return {"id": question_id, "question": question.text, "answers": [answer]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m samples.build_questions",
        description="Build the question samples (SQuAD v1.1 JSON) from their sources.",
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
