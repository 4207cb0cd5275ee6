"""The description of a task: all that the service knows of it without importing torch.

Requests, routes, permissions, readiness, the command line, experiments and reports are made from the
registered descriptions (`core.tasks.registry`); the engine that trains and predicts is imported when it is
needed (`core.tasks.engines`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from core.contracts.evaluations import Evaluation
from core.contracts.examples import Example
from core.contracts.hyperparameters import Hyperparameters, PretrainSettings
from core.contracts.inference import Prediction, PredictionInput
from core.contracts.task_options import TaskOptions
from core.formats import ReadResult
from core.tasks.data_split import DataSplitter
from core.tasks.experiment_spec import ExperimentSpec


class FileReader(Protocol):
    """Reads the labelled examples of a task from a file."""

    def __call__(self, data: bytes, *, name: str = "", format: str | None = None) -> ReadResult[Any]:
        """Return the examples in a file.

        Args:
            data: The whole file.
            name: Its name, which may tell the format.
            format: A format's name; None to detect it.

        Raises:
            InvalidInput: Every fault of the file, each with its line or pointer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Limits of one prediction request, by the names of fields of `app.schemas.limits.Limits`.

    Attributes:
        items: The setting that bounds the number of inputs.
        characters: The setting that bounds the characters of `bounded_text` over all inputs; None for no
            bound.
        bounded_text: Input → the text that is counted.
        bounded_name: What the counted texts are called, in the plural.
    """

    items: str = "max_utterances"
    characters: str | None = None
    bounded_text: Callable[[Any], str] = str
    bounded_name: str = "texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One task.

    Attributes:
        name: As requests, paths and stored documents have it: ``mtod``.
        title: For people: ``Intents and slots``.
        summary: What a prediction is, in one sentence.
        description: More on predictions, for the API's description.
        schema_name: Prefix of the names of its request and response schemas: ``Mtod``.
        engine: ``module:attribute`` of its `core.tasks.engine.TaskEngine`, imported when a model is needed.
        data_splitter: Splits few-shot data and plans episodes.
        example: What it learns from.
        sample: An example as JSON, for the API's description.
        input: What a prediction is made for.
        inputs_field: The list of inputs in a prediction request.
        sample_inputs: Inputs as JSON, for the API's description.
        prediction: The answer to one input.
        evaluation: Scores on held-out examples.
        options: Options of an adaptation that other tasks do not have.
        hyperparameters: Of an adaptation.
        pretrain_settings: Of the making of a base.
        read_file: Reads files of examples.
        writers: Format → writer of a file of examples.
        limits: Of prediction requests.
        model_input: Input → what the engine's `read` takes.
        characters: Input → its length; what is short is tokenised without a thread of its own.
        predict: (input, the engine's answer, language, whether adapted) → the prediction.
        input_of: Example → the input whose prediction is compared with it.
        evaluate: (examples, predictions) → scores.
        probe: The smallest input, for a readiness check.
        head_rows: (intents, slots) → tensor name → rows that a checkpoint's file must have.
        experiments: Data layouts, seeds and the paper's settings, for `xmetra experiment`.
    """

    name: str
    title: str
    summary: str
    description: str = ""
    schema_name: str
    engine: str
    data_splitter: DataSplitter[Any]
    example: type[Example]
    sample: Mapping[str, Any]
    input: type[PredictionInput]
    inputs_field: str = "inputs"
    sample_inputs: Sequence[object] = ()
    prediction: type[Prediction]
    evaluation: type[Evaluation]
    options: type[TaskOptions] = TaskOptions
    hyperparameters: type[Hyperparameters] = Hyperparameters
    pretrain_settings: type[PretrainSettings] = PretrainSettings
    read_file: FileReader
    writers: Mapping[str, Callable[..., bytes]] = field(default_factory=lambda: MappingProxyType({}))
    limits: RequestLimits = RequestLimits()
    model_input: Callable[[Any], Any]
    characters: Callable[[Any], int]
    predict: Callable[[Any, Any, str, bool], Prediction]
    input_of: Callable[[Any], PredictionInput]
    evaluate: Callable[[Sequence[Any], Sequence[Any]], Evaluation]
    probe: PredictionInput
    head_rows: Callable[[Sequence[str], Sequence[str]], Mapping[str, int]] = lambda _intents, _slots: {}
    experiments: ExperimentSpec = field(default_factory=ExperimentSpec)
