"""Labelled questions in many scripts, and learners for them."""

from dataclasses import dataclass
from pathlib import Path

from core.contracts.qa_examples import AnswerSpan, QaExample
from core.encoders.loading import load_encoder
from core.tasks.qa.learner import QaLearner
from tests.core.tiny import Kind, tiny_encoder_folder


@dataclass(frozen=True)
class Question:
    """A question without answers, as in a request."""

    question: str
    context: str


def qa_example(question: str, context: str) -> QaExample:
    """Return a labelled example; the answers in the context are marked by ⟦ ⟧."""
    parts = context.replace("⟧", "⟦").split("⟦")
    spans, plain = [], ""
    for index, part in enumerate(parts):
        if index % 2:
            spans.append(AnswerSpan(text=part, answer_start=len(plain)))
        plain += part
    return QaExample(question=question, context=plain, answers=tuple(spans))


EXAMPLES = {
    "english": qa_example("Who built the old tower?", "The old tower was built by ⟦Ana Rossi⟧ in 1903."),
    "spanish": qa_example("¿Dónde nació Inés?", "Inés nació en ⟦Mérida⟧, y vivió en Málaga."),
    "swahili": qa_example("Mji upi ni mkubwa?", "Mji mkubwa zaidi ni ⟦Dar es Salaam⟧ kwa watu wengi."),
    "arabic": qa_example("أين تقع القاهرة؟", "تقع القاهرة على نهر ⟦النيل⟧ في مصر."),
    "hebrew": qa_example("מתי נבנה המגדל?", "המגדל הישן נבנה בשנת ⟦אלף תשע מאות⟧ בעיר חיפה."),
    "thai": qa_example("เมืองหลวงของไทยคืออะไร", "เมืองหลวงของไทยคือ⟦กรุงเทพมหานคร⟧ซึ่งอยู่ริมแม่น้ำ"),
    "hindi": qa_example("भारत की राजधानी क्या है?", "भारत की राजधानी ⟦नई दिल्ली⟧ है और यह बड़ी है।"),
    "bengali": qa_example("ঢাকা কোন নদীর তীরে?", "ঢাকা শহর ⟦বুড়িগঙ্গা⟧ নদীর তীরে।"),
    "telugu": qa_example("గోదావరి ఎక్కడ పుట్టింది?", "గోదావరి నది ⟦త్ర్యంబకం⟧ వద్ద పుట్టింది."),
    "chinese": qa_example("塔是谁建的?", "这座旧塔是⟦安娜⟧在一九零三年建的。"),
    "korean": qa_example("수도는 어디입니까?", "대한민국의 수도는 ⟦서울⟧이다."),
    "emoji": qa_example("Which sign is hers?", "His sign is 🇪🇸 but hers is ⟦👩‍👩‍👧 👍🏽⟧ since May."),
}


def texts_of(examples: list[QaExample]) -> list[str]:
    return [text for example in examples for text in (example.question, example.context)]


def tiny_qa_folder(folder: Path, kind: Kind) -> Path:
    """Return the folder of a tiny encoder with a tokenizer for the examples."""
    return tiny_encoder_folder(folder, kind, texts_of(list(EXAMPLES.values())))


def tiny_qa_learner(folder: Path, *, seed: int = 0) -> QaLearner:
    return QaLearner(load_encoder(str(folder)), seed=seed)
