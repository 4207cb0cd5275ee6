"""SQuAD JSON: articles, their paragraphs, and questions on those (Rajpurkar et al. 2016, 2018).

TyDiQA-GoldP, XQuAD and MLQA are published in it, each with fields of its own beside the common ones; fields
that are not needed are passed over. Offsets count Unicode code points.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pydantic import ValidationError

from core.contracts.questions import QaExample
from core.formats.json_documents import beginning, first_members, parse_document
from core.formats.notes import FaultPlace, Findings, invalid
from core.formats.question_ids import QuestionIds
from core.formats.validation import LONGEST_SHOWN, fault_details, shown

VERSION = "1.1"
"""What is written: every question has an answer."""

AFTER_FIELD = re.compile(r"[: ]")
"""What follows the field that the sentence of a fault begins with."""


class _Level(NamedTuple):
    """A list of the document.

    Attributes:
        field: The name of the list in its owner.
        item: What a person calls one of its items.
        known_by: The field by which a person knows the item; its number serves where it has none.
        show: Writes that field.
        needed: Whether the owner must have the list.
    """

    field: str
    item: str
    known_by: str = ""
    show: Callable[[str], str] = str
    needed: bool = True


ARTICLES = _Level("data", "article", known_by="title", show=repr)
PARAGRAPHS = _Level("paragraphs", "paragraph")
QUESTIONS = _Level("qas", "question", known_by="id", needed=False)


class _Item(NamedTuple):
    """The document, or an article, a paragraph or a question of it.

    Attributes:
        fields: What the file gives.
        pointer: Its JSON pointer.
        name: How a person finds it, ``article 'Nairobi', paragraph 3``.
    """

    fields: Mapping[str, Any]
    pointer: str = ""
    name: str = ""


def read_squad(lines: Sequence[str], findings: Findings) -> list[QaExample]:
    """Read the questions of a document that have an answer.

    Answers that several annotators gave in the same words at the same place are kept once: scores take the
    best over the answers, so that a repetition changes nothing. Questions that are marked as impossible
    are counted in the findings.

    Args:
        lines: The file's lines.
        findings: Receives faults and notes.

    Raises:
        InvalidInput: Lines are not UTF-8, or the file is not one JSON object.
    """
    findings.raise_faults()  # Only bytes can be wrong so far, and they may be wrong anywhere in the document.
    document = parse_document(lines)
    if not isinstance(document, dict):
        raise invalid([(1, f"expected one JSON object with a list 'data', found {shown(document)}")])
    root = _Item(document)
    if document.get(ARTICLES.field) == []:
        _tell(root, "data: is empty", findings)
    ids = QuestionIds()
    return [
        example
        for article in _items(root, ARTICLES, findings)
        for paragraph in _items(article, PARAGRAPHS, findings)
        for question in _items(paragraph, QUESTIONS, findings)
        if (example := _read_question(question, paragraph, ids, findings))
    ]


def looks_like_squad(lines: Sequence[str]) -> bool:
    """Tell whether a file begins with an object that has a list ``data``."""
    text = beginning(lines)
    return text.lstrip().startswith("{") and (ARTICLES.field, "[") in first_members(text)


def write_squad(examples: Iterable[QaExample]) -> bytes:
    """Write questions as one article, with a paragraph for each context that follows another.

    Reading gives the examples back unchanged, except that equal answers of a question are kept once.

    Raises:
        InvalidInput: Every example, by its index, whose id an earlier one has.
    """
    written = list(examples)
    ids = QuestionIds()
    told = ((f"/{index}/id", ids.repetition(each.id, f"/{index}")) for index, each in enumerate(written))
    faults: list[tuple[FaultPlace, str]] = [(place, detail) for place, detail in told if detail]
    if faults:
        raise invalid(faults)
    paragraphs = [
        {
            "context": context,
            "qas": [each.model_dump(exclude={"context"}, exclude_none=True) for each in questions],
        }
        for context, questions in groupby(written, key=lambda each: each.context)
    ]
    document = {"version": VERSION, "data": [{"title": "", "paragraphs": paragraphs}]}
    return f"{json.dumps(document, ensure_ascii=False)}\n".encode()


def _items(owner: _Item, level: _Level, findings: Findings) -> Iterator[_Item]:
    """Yield the objects of a list, and tell a list that is none and items that are no objects."""
    if level.field not in owner.fields:
        if level.needed:
            _tell(owner, f"{level.field}: is missing", findings)
        return
    values = owner.fields[level.field]
    if not isinstance(values, list):
        _tell(owner, f"{level.field}: a list was expected, found {shown(values)}", findings)
        return
    for index, value in enumerate(values):
        if isinstance(value, dict):
            name = f"{owner.name}, {_name(value, level, index)}" if owner.name else _name(value, level, index)
            yield _Item(value, f"{owner.pointer}/{level.field}/{index}", name)
        else:
            _tell(owner, f"{level.field}/{index}: a JSON object was expected, found {shown(value)}", findings)


def _name(fields: Mapping[str, Any], level: _Level, index: int) -> str:
    """Name an item so that a person finds it in its list."""
    known = fields.get(level.known_by)
    if isinstance(known, str) and known.strip():
        return f"{level.item} {level.show(known[:LONGEST_SHOWN])}"
    return f"{level.item} {index + 1}"


def _read_question(
    question: _Item, paragraph: _Item, ids: QuestionIds, findings: Findings
) -> QaExample | None:
    """Make an example of a question that has an answer, or tell what is wrong with it."""
    if repetition := ids.repetition(question.fields.get("id"), question.pointer):
        _tell(question, repetition, findings)
    if _is_unanswered(question, findings):
        findings.unanswered += 1
        return None
    fields = _only(question.fields, "id", "question", "answers") | _only(paragraph.fields, "context")
    if isinstance(fields.get("answers"), list):
        fields["answers"] = tuple(
            _only(answer, "text", "answer_start") if isinstance(answer, dict) else answer
            for answer in fields["answers"]
        )
    try:
        example = QaExample.model_validate(fields, strict=True)
    except ValidationError as error:
        for detail in fault_details(error):
            # Every question finds the same fault in their context, which is then told once.
            _tell(paragraph if detail.startswith("context") else question, detail, findings)
        return None
    distinct = tuple(dict.fromkeys(example.answers))
    return example if distinct == example.answers else example.model_copy(update={"answers": distinct})


def _is_unanswered(question: _Item, findings: Findings) -> bool:
    """Tell whether a question is marked as impossible, and a mark that cannot be."""
    mark = question.fields.get("is_impossible", False)
    if mark is True and not question.fields.get("answers"):
        return True
    if mark is True:
        _tell(question, "is_impossible: is true, but the question has answers", findings)
    elif mark is not False:
        _tell(question, f"is_impossible: true or false was expected, found {shown(mark)}", findings)
    return False


def _only(fields: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Leave out what is not needed."""
    return {name: fields[name] for name in names if name in fields}


def _tell(item: _Item, detail: str, findings: Findings) -> None:
    """Add a fault of an item; its sentence begins with the field to blame."""
    field = AFTER_FIELD.split(detail, maxsplit=1)[0]
    findings.fault(f"{item.pointer}/{field}", f"{item.name}: {detail}" if item.name else detail)
