"""SQuAD documents for the tests."""

import json
from typing import Any

import pytest

from core.contracts.qa_examples import QaExample
from core.errors import InvalidInput
from core.formats import read_questions

CONTEXT = "Nairobi ni mji mkuu wa Kenya. Mto Nairobi unapita mjini."


def answer(text: str, start: int) -> dict[str, Any]:
    return {"text": text, "answer_start": start}


def question(name: str = "sw-1", **changes: Any) -> dict[str, Any]:
    fields = {"id": name, "question": "Mji mkuu wa Kenya ni upi?", "answers": [answer("Nairobi", 0)]}
    return {key: value for key, value in (fields | changes).items() if value is not ...}


def squad(*questions: object, **changes: Any) -> dict[str, Any]:
    """Return a document with one article and one paragraph."""
    return {"data": [{"title": "Nairobi", "paragraphs": [{"context": CONTEXT, "qas": questions} | changes]}]}


def read(document: object) -> list[QaExample]:
    return read_questions(json.dumps(document, ensure_ascii=False).encode(), format="squad")


def faults_of(document: object) -> list[str]:
    with pytest.raises(InvalidInput) as excinfo:
        read(document)
    return [str(fault) for fault in excinfo.value.faults]
