"""Reader and writer of SQuAD JSON: articles, paragraphs and questions (Rajpurkar et al. 2016, 2018).

TyDiQA-GoldP, XQuAD and MLQA are published in this format, each with additional fields, which are ignored.
Offsets count Unicode code points.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import ValidationError

from core.contracts.field_faults import LONGEST_SHOWN, shown
from core.contracts.qa_examples import QaExample
from core.formats.diagnostics import Diagnostics, FaultLocation, invalid_file
from core.formats.json_documents import document_head, first_members, parse_document
from core.formats.question_ids import QuestionIds
from core.formats.validation import fault_messages

VERSION = "1.1"
"""Version of the files written: every question has an answer."""

AFTER_FIELD = re.compile(r"[: ]")
"""Separates the field from the rest of a fault message."""


class _Level(NamedTuple):
    """A level of the document: a list of objects.

    Attributes:
        field: Name of the list in its parent.
        item: Display name of an item.
        title_field: Field that identifies an item in messages; without it, the item's number is used.
        format_title: Formats that field.
        is_required: Whether the parent must have the list.
    """

    field: str
    item: str
    title_field: str = ""
    format_title: Callable[[str], str] = str
    is_required: bool = True


ARTICLES = _Level("data", "article", title_field="title", format_title=repr)
PARAGRAPHS = _Level("paragraphs", "paragraph")
QUESTIONS = _Level("qas", "question", title_field="id", is_required=False)


class _Item(NamedTuple):
    """The document, or one of its articles, paragraphs or questions.

    Attributes:
        fields: The JSON object.
        pointer: JSON pointer to it.
        name: Description for messages, such as ``article 'Nairobi', paragraph 3``.
    """

    fields: Mapping[str, Any]
    pointer: str = ""
    name: str = ""


def read_squad(lines: Sequence[str], diagnostics: Diagnostics) -> list[QaExample]:
    """Read the questions of a document that have an answer.

    Equal answers of several annotators are deduplicated: scores are the maximum over the answers, so that
    duplicates do not change them. Questions that are marked as impossible are counted in the diagnostics.

    Args:
        lines: Lines of the file.
        diagnostics: Receives faults and notes.

    Raises:
        InvalidInput: Lines are not UTF-8, or the file is not one JSON object.
    """
    diagnostics.raise_faults()  # undecodable lines would make the JSON parser fail as well
    document = parse_document(lines)
    if not isinstance(document, dict):
        raise invalid_file([(1, f"expected one JSON object with a list 'data', found {shown(document)}")])
    root = _Item(document)
    if document.get(ARTICLES.field) == []:
        _add_fault(root, "data: is empty", diagnostics)
    ids = QuestionIds()
    return [
        example
        for article in _items(root, ARTICLES, diagnostics)
        for paragraph in _items(article, PARAGRAPHS, diagnostics)
        for question in _items(paragraph, QUESTIONS, diagnostics)
        if (example := _read_question(question, paragraph, ids, diagnostics))
    ]


def looks_like_squad(lines: Sequence[str]) -> bool:
    """Return whether a file begins with a JSON object that has a list ``data``."""
    text = document_head(lines)
    return text.lstrip().startswith("{") and (ARTICLES.field, "[") in first_members(text)


def write_squad(examples: Iterable[QaExample]) -> bytes:
    """Write questions as one article, with a paragraph for each run of questions on the same context.

    Reading returns equal examples, except that equal answers of a question are deduplicated.

    Raises:
        InvalidInput: Ids are repeated; lists the index of each such example.
    """
    questions = list(examples)
    ids = QuestionIds()
    faults: list[tuple[FaultLocation, str]] = [
        (f"/{index}/id", problem)
        for index, question in enumerate(questions)
        if (problem := ids.register(question.id, f"/{index}"))
    ]
    if faults:
        raise invalid_file(faults)
    paragraphs = [
        {
            "context": context,
            "qas": [question.model_dump(exclude={"context"}, exclude_none=True) for question in group],
        }
        for context, group in groupby(questions, key=lambda question: question.context)
    ]
    document = {"version": VERSION, "data": [{"title": "", "paragraphs": paragraphs}]}
    return f"{json.dumps(document, ensure_ascii=False)}\n".encode()


def _items(parent: _Item, level: _Level, diagnostics: Diagnostics) -> Iterator[_Item]:
    """Yield the objects of a list, and report a value that is not a list and items that are not objects."""
    if level.field not in parent.fields:
        if level.is_required:
            _add_fault(parent, f"{level.field}: is missing", diagnostics)
        return
    values = parent.fields[level.field]
    if not isinstance(values, list):
        _add_fault(parent, f"{level.field}: a list was expected, found {shown(values)}", diagnostics)
        return
    for index, value in enumerate(values):
        if isinstance(value, dict):
            name = _name(value, level, index)
            name = f"{parent.name}, {name}" if parent.name else name
            yield _Item(value, f"{parent.pointer}/{level.field}/{index}", name)
        else:
            detail = f"{level.field}/{index}: a JSON object was expected, found {shown(value)}"
            _add_fault(parent, detail, diagnostics)


def _name(fields: Mapping[str, Any], level: _Level, index: int) -> str:
    """Return the display name of an item: by its title or id if it has one, else by its number."""
    title = fields.get(level.title_field)
    if isinstance(title, str) and title.strip():
        return f"{level.item} {level.format_title(title[:LONGEST_SHOWN])}"
    return f"{level.item} {index + 1}"


def _read_question(
    question: _Item, paragraph: _Item, ids: QuestionIds, diagnostics: Diagnostics
) -> QaExample | None:
    """Return the example of a question, or None if it has no answer or has faults."""
    if problem := ids.register(question.fields.get("id"), question.pointer):
        _add_fault(question, problem, diagnostics)
    if _is_unanswered(question, diagnostics):
        diagnostics.unanswered_questions += 1
        return None
    fields = _pick(question.fields, "id", "question", "answers") | _pick(paragraph.fields, "context")
    if isinstance(fields.get("answers"), list):
        fields["answers"] = tuple(
            _pick(answer, "text", "answer_start") if isinstance(answer, dict) else answer
            for answer in fields["answers"]
        )
    try:
        example = QaExample.model_validate(fields, strict=True)
    except ValidationError as error:
        for detail in fault_messages(error):
            # All questions of a paragraph have the same fault of its context, which is reported once.
            _add_fault(paragraph if detail.startswith("context") else question, detail, diagnostics)
        return None
    distinct = tuple(dict.fromkeys(example.answers))
    return example if distinct == example.answers else example.model_copy(update={"answers": distinct})


def _is_unanswered(question: _Item, diagnostics: Diagnostics) -> bool:
    """Return whether a question is marked as impossible, and report an invalid mark."""
    mark = question.fields.get("is_impossible", False)
    if mark is True and not question.fields.get("answers"):
        return True
    if mark is True:
        _add_fault(question, "is_impossible: is true, but the question has answers", diagnostics)
    elif mark is not False:
        _add_fault(question, f"is_impossible: true or false was expected, found {shown(mark)}", diagnostics)
    return False


def _pick(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return only the named fields, if present."""
    return {name: fields[name] for name in names if name in fields}


def _add_fault(item: _Item, detail: str, diagnostics: Diagnostics) -> None:
    """Report a fault of an item; the message begins with the faulty field."""
    field = AFTER_FIELD.split(detail, maxsplit=1)[0]
    diagnostics.add_fault(f"{item.pointer}/{field}", f"{item.name}: {detail}" if item.name else detail)
