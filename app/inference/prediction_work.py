"""One prediction request, divided among the models that answer it."""

from collections import defaultdict
from collections.abc import Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

from app.inference.deployment_cache import is_adapted
from app.inference.model_cache import Answer, LoadedModel
from app.schemas.prediction import PredictRequest
from core.contracts.inference import Prediction, PredictionInput
from core.errors import Fault, InvalidInput
from core.tasks.spec import TaskSpec


@dataclass(slots=True)
class ModelShare:
    """The inputs of a request that one model answers.

    Attributes:
        model: Tokenises and answers.
        indices: Positions of the inputs in the request.
        features: The tokenised inputs.
        answers: In the order of `indices`.
    """

    model: LoadedModel
    indices: Sequence[int]
    features: Sequence[Sized] = ()
    answers: Sequence[Answer] = ()


@dataclass(slots=True)
class PredictionWork:
    """A prediction request in progress.

    Attributes:
        spec: The task.
        request: The request.
        inputs: Its inputs.
        languages: The language of each input.
        checkpoints: Language → id of the checkpoint that answers it.
        models: Checkpoint id → model, referenced until all is answered, even if the cache evicts it.
        shares: One for each model.
        seconds: Time spent on tokenisation and model passes.
    """

    spec: TaskSpec
    request: PredictRequest
    inputs: Sequence[PredictionInput]
    languages: Sequence[str]
    checkpoints: dict[str, str] = field(default_factory=dict)
    models: dict[str, LoadedModel] = field(default_factory=dict)
    shares: list[ModelShare] = field(default_factory=list)
    seconds: float = 0.0

    @classmethod
    def of(cls, spec: TaskSpec, request: PredictRequest) -> "PredictionWork":
        """Return the work of a request.

        Raises:
            InvalidInput: Every input without a language.
        """
        inputs: Sequence[PredictionInput] = getattr(request, spec.inputs_field)
        return cls(spec, request, inputs, input_languages(inputs, request.language, field=spec.inputs_field))

    @property
    def characters(self) -> int:
        """Total length of the inputs."""
        return sum(self.spec.characters(item) for item in self.inputs)

    @property
    def tokens(self) -> int:
        """Total tokens of the answered inputs."""
        return sum(answer.tokens for share in self.shares for answer in share.answers)

    def tokenize(self) -> None:
        """Let each model tokenise its share.

        Raises:
            InvalidInput: Every input that is too long for its model.
        """
        indices: dict[str, list[int]] = defaultdict(list)
        for index, language in enumerate(self.languages):
            indices[self.checkpoints[language]].append(index)
        self.shares = [ModelShare(self.models[checkpoint], rows) for checkpoint, rows in indices.items()]
        faults: list[Fault] = []
        for share in self.shares:
            inputs: list[Any] = [self.spec.model_input(self.inputs[index]) for index in share.indices]
            try:
                share.features = share.model.read(inputs)
            except InvalidInput as error:
                faults.extend(self._in_request(fault, share.indices) for fault in error.faults)
        if faults:
            raise InvalidInput(faults)

    def predictions(self) -> tuple[Prediction, ...]:
        """Return the predictions in the order of the request."""
        by_index = {
            index: (answer, share.model.manifest)
            for share in self.shares
            for index, answer in zip(share.indices, share.answers, strict=True)
        }
        predictions = []
        for index, (item, language) in enumerate(zip(self.inputs, self.languages, strict=True)):
            answer, manifest = by_index[index]
            predictions.append(self.spec.predict(item, answer, language, is_adapted(manifest, language)))
        return tuple(predictions)

    def _in_request(self, fault: Fault, indices: Sequence[int]) -> Fault:
        """Return a model's fault with its pointer in the request: /1/question → /questions/7/question."""
        index, _, rest = fault.pointer.removeprefix("/").partition("/")
        return Fault(f"/{self.spec.inputs_field}/{indices[int(index)]}{rest and f'/{rest}'}", fault.detail)


def input_languages(inputs: Sequence[PredictionInput], language: str | None, *, field: str) -> list[str]:
    """Return the language of each input: its own, or else the request's.

    Args:
        inputs: The inputs of a request.
        language: The request's language.
        field: The request's name for its inputs.

    Raises:
        InvalidInput: Every input without either.
    """
    languages = [item.language or language for item in inputs]
    faults = [
        Fault(f"/{field}/{index}", "no language: neither this one nor the request has one")
        for index, tag in enumerate(languages)
        if tag is None
    ]
    if faults:
        raise InvalidInput(faults)
    return [tag for tag in languages if tag is not None]
