"""The task qa: extractive answers to questions on contexts."""

from collections.abc import Sequence
from typing import Final, Protocol

from core.contracts.evaluations import QaEvaluation
from core.contracts.hyperparameters import QaHyperparameters, QaPretrainSettings
from core.contracts.qa_examples import QaExample
from core.contracts.qa_predictions import PredictedAnswer, QaPrediction, QuestionInput
from core.contracts.task_options import NeighbourOptions
from core.contracts.values import QA
from core.formats import read_questions_with_notes, write_jsonl, write_squad
from core.tasks.qa.data_split import QaDataSplitter
from core.tasks.qa.experiments import EXPERIMENTS
from core.tasks.qa.metrics import best_texts, evaluate_answers
from core.tasks.spec import RequestLimits, TaskSpec


class _Answer(Protocol):
    """What the engine answers to one question."""

    @property
    def answers(self) -> tuple[PredictedAnswer, ...]:
        """In descending order of score; none if the context has no word."""


def _predict(question: QuestionInput, answer: _Answer, language: str, adapted: bool) -> QaPrediction:
    return QaPrediction(id=question.id, language=language, answers=answer.answers, adapted=adapted)


def _evaluate(examples: Sequence[QaExample], predictions: Sequence[QaPrediction]) -> QaEvaluation:
    return evaluate_answers(examples, best_texts(predictions)).evaluation


SPEC: Final = TaskSpec(
    name=QA,
    title="Answers to questions",
    summary="Answers to questions on texts",
    description=(
        "Every answer is a part of its context, the likeliest first. A context of any length is read, in "
        "windows; scores are comparable within a question."
    ),
    schema_name="Qa",
    engine="core.tasks.qa.engine:QaEngine",
    data_splitter=QaDataSplitter(),
    example=QaExample,
    sample={
        "question": "¿Cuándo abrió la panadería?",
        "context": "La panadería de la plaza abrió en 1987.",
        "answers": [{"text": "1987", "answer_start": 34}],
    },
    input=QuestionInput,
    inputs_field="questions",
    sample_inputs=(
        {"question": "¿Cuándo abrió la panadería?", "context": "La panadería de la plaza abrió en 1987."},
    ),
    prediction=QaPrediction,
    evaluation=QaEvaluation,
    options=NeighbourOptions,
    hyperparameters=QaHyperparameters,
    pretrain_settings=QaPretrainSettings,
    read_file=read_questions_with_notes,
    writers={"jsonl": write_jsonl, "squad": write_squad},
    limits=RequestLimits(
        items="max_questions",
        characters="max_context_characters",
        bounded_text=lambda question: question.context,
        bounded_name="contexts",
    ),
    model_input=lambda question: question,
    characters=lambda question: len(question.question) + len(question.context),
    predict=_predict,
    input_of=lambda example: QuestionInput(question=example.question, context=example.context),
    evaluate=_evaluate,
    probe=QuestionInput(question="hello", context="hello"),
    experiments=EXPERIMENTS,
)
