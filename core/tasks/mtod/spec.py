"""The task mtod: intents and slots of utterances."""

from collections.abc import Sequence
from typing import Final, Protocol

from core.contracts.evaluations import MtodEvaluation
from core.contracts.examples import MtodExample, SlotSpan
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.mtod_predictions import MtodPrediction, PredictedSlot, RankedIntent, Utterance
from core.contracts.task_options import LabelOptions
from core.contracts.values import MTOD
from core.contracts.weights import head_rows
from core.formats import read_examples_with_notes, write_jsonl, write_mtod_tsv
from core.tasks.mtod.data_split import MtodDataSplitter
from core.tasks.mtod.experiments import EXPERIMENTS
from core.tasks.mtod.metrics import evaluate_predictions
from core.tasks.spec import TaskSpec


class _Answer(Protocol):
    """What the engine answers to one text."""

    @property
    def intents(self) -> tuple[RankedIntent, ...]:
        """In descending order of confidence."""

    @property
    def slots(self) -> tuple[PredictedSlot, ...]:
        """In the order of the text."""


def _predict(utterance: Utterance, answer: _Answer, language: str, adapted: bool) -> MtodPrediction:
    return MtodPrediction(
        id=utterance.id,
        text=utterance.text,
        language=language,
        intent=answer.intents[0],
        intent_ranking=answer.intents,
        slots=answer.slots,
        adapted=adapted,
    )


def _evaluate(examples: Sequence[MtodExample], predictions: Sequence[MtodPrediction]) -> MtodEvaluation:
    pairs = [
        (
            prediction.intent.name,
            tuple(SlotSpan(slot=slot.slot, start=slot.start, end=slot.end) for slot in prediction.slots),
        )
        for prediction in predictions
    ]
    return evaluate_predictions(examples, pairs)


SPEC: Final = TaskSpec(
    name=MTOD,
    title="Intents and slots",
    summary="Intent and slots of utterances",
    schema_name="Mtod",
    engine="core.tasks.mtod.engine:MtodEngine",
    data_splitter=MtodDataSplitter(),
    example=MtodExample,
    sample={
        "text": "pon una alarma a las seis",
        "intent": "alarm/set_alarm",
        "slots": [{"slot": "datetime", "start": 15, "end": 25}],
    },
    input=Utterance,
    inputs_field="utterances",
    sample_inputs=("pon una alarma a las seis", {"id": "a", "text": "will it rain today", "language": "en"}),
    prediction=MtodPrediction,
    evaluation=MtodEvaluation,
    options=LabelOptions,
    hyperparameters=Hyperparameters,
    pretrain_settings=PretrainSettings,
    read_file=read_examples_with_notes,
    writers={"jsonl": write_jsonl, "mtod-tsv": write_mtod_tsv},
    model_input=lambda utterance: utterance.text,
    characters=lambda utterance: len(utterance.text),
    predict=_predict,
    input_of=lambda example: Utterance(text=example.text),
    evaluate=_evaluate,
    probe=Utterance(text="hello"),
    head_rows=head_rows,
    experiments=EXPERIMENTS,
)
