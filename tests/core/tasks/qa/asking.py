"""Answered questions in many scripts, and learners that read them."""

from dataclasses import dataclass
from pathlib import Path

from core.contracts.questions import AnswerSpan, QaExample
from core.encoders.loading import load_encoder
from core.tasks.qa.learner import QaLearner
from tests.core.tiny import Kind, tiny_encoder_folder


@dataclass(frozen=True)
class Question:
    """What a user asks."""

    question: str
    context: str


def answered(question: str, context: str) -> QaExample:
    """Return the example of a context whose answers stand in ⟦ ⟧."""
    parts = context.replace("⟧", "⟦").split("⟦")
    spans, plain = [], ""
    for index, part in enumerate(parts):
        if index % 2:
            spans.append(AnswerSpan(text=part, answer_start=len(plain)))
        plain += part
    return QaExample(question=question, context=plain, answers=tuple(spans))


EXAMPLES = {
    "english": answered("Who built the old tower?", "The old tower was built by ⟦Ana Rossi⟧ in 1903."),
    "spanish": answered("¿Dónde nació Inés?", "Inés nació en ⟦Mérida⟧, y vivió en Málaga."),
    "swahili": answered("Mji upi ni mkubwa?", "Mji mkubwa zaidi ni ⟦Dar es Salaam⟧ kwa watu wengi."),
    "arabic": answered("أين تقع القاهرة؟", "تقع القاهرة على نهر ⟦النيل⟧ في مصر."),
    "hebrew": answered("מתי נבנה המגדל?", "המגדל הישן נבנה בשנת ⟦אלף תשע מאות⟧ בעיר חיפה."),
    "thai": answered("เมืองหลวงของไทยคืออะไร", "เมืองหลวงของไทยคือ⟦กรุงเทพมหานคร⟧ซึ่งอยู่ริมแม่น้ำ"),
    "hindi": answered("भारत की राजधानी क्या है?", "भारत की राजधानी ⟦नई दिल्ली⟧ है और यह बड़ी है।"),
    "bengali": answered("ঢাকা কোন নদীর তীরে?", "ঢাকা শহর ⟦বুড়িগঙ্গা⟧ নদীর তীরে।"),
    "telugu": answered("గోదావరి ఎక్కడ పుట్టింది?", "గోదావరి నది ⟦త్ర్యంబకం⟧ వద్ద పుట్టింది."),
    "chinese": answered("塔是谁建的?", "这座旧塔是⟦安娜⟧在一九零三年建的。"),
    "korean": answered("수도는 어디입니까?", "대한민국의 수도는 ⟦서울⟧이다."),
    "emoji": answered("Which sign is hers?", "His sign is 🇪🇸 but hers is ⟦👩‍👩‍👧 👍🏽⟧ since May."),
}


def texts_of(examples: list[QaExample]) -> list[str]:
    return [text for one in examples for text in (one.question, one.context)]


def tiny_qa_folder(folder: Path, kind: Kind) -> Path:
    """Return a tiny encoder whose tokenizer knows the examples."""
    return tiny_encoder_folder(folder, kind, texts_of(list(EXAMPLES.values())))


def tiny_qa_learner(folder: Path, *, seed: int = 0) -> QaLearner:
    return QaLearner(load_encoder(str(folder)), seed=seed)
