"""What each task is asked, and how its answers are told."""

from typing import Final

from app.inference.model_cache import MtodAnswer, QaAnswer
from app.inference.task_adapter import Form
from app.schemas.prediction import QuestionInput, Utterance
from app.schemas.responses import MtodPredictions, QaPredictions, Usage
from core.contracts.answers import QaPrediction
from core.contracts.predictions import MtodPrediction
from core.contracts.values import TaskName


def _understood(utterance: Utterance, answer: MtodAnswer, language: str, adapted: bool) -> MtodPrediction:
    return MtodPrediction(
        id=utterance.id,
        text=utterance.text,
        language=language,
        intent=answer.intents[0],
        intent_ranking=answer.intents,
        slots=answer.slots,
        adapted=adapted,
    )


def _answered(question: QuestionInput, answer: QaAnswer, language: str, adapted: bool) -> QaPrediction:
    return QaPrediction(id=question.id, language=language, answers=answer.answers, adapted=adapted)


def _mtod(predictions: tuple[MtodPrediction, ...], used: dict[str, str], usage: Usage) -> MtodPredictions:
    return MtodPredictions(predictions=predictions, checkpoints=used, usage=usage)


def _qa(predictions: tuple[QaPrediction, ...], used: dict[str, str], usage: Usage) -> QaPredictions:
    return QaPredictions(predictions=predictions, checkpoints=used, usage=usage)


MTOD: Final = Form(
    task=TaskName.MTOD,
    field="utterances",
    asked=lambda utterance: utterance.text,
    characters=lambda utterance: len(utterance.text),
    told=_understood,
    response=_mtod,
)
QA: Final = Form(
    task=TaskName.QA,
    field="questions",
    asked=lambda question: question,
    characters=lambda question: len(question.question) + len(question.context),
    told=_answered,
    response=_qa,
)
