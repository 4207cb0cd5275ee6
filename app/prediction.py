"""Utterances in several languages at once: each goes to the model that serves it, all come back in order."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from anyio import CapacityLimiter, to_thread

from app.answers import MtodPredictions, Usage
from app.requests import PredictRequest, Utterance
from app.serving import Answer, LiveDeployments, LoadedModel, LoadedModels, is_adapted
from core.contracts.predictions import MtodPrediction
from core.contracts.values import TaskName
from core.errors import Fault, InvalidInput, ModelUnavailable, NotFound


@dataclass(slots=True)
class MtodDesk:
    """Takes requests for predictions, and gives each its turn.

    Attributes:
        live: Knows which checkpoint serves a language.
        models: The models in memory.
        turns: Forward passes at once; a thread for each.
        max_waiting: Requests that may wait for a turn.
    """

    live: LiveDeployments
    models: LoadedModels
    turns: CapacityLimiter
    max_waiting: int

    async def predict(self, request: PredictRequest) -> MtodPredictions:
        """Answer every utterance of a request.

        Raises:
            InvalidInput: An utterance has no language, or is too long for its model.
            NotFound: There is no checkpoint of the name asked for.
            ModelUnavailable: No model serves, or too many requests wait.
        """
        batch = _Batch(request, utterance_languages(request))
        if self.turns.statistics().tasks_waiting >= self.max_waiting:
            raise ModelUnavailable(f"{self.max_waiting} predictions are waiting already; try again")
        asked = time.perf_counter()
        return await to_thread.run_sync(self._answer, batch, asked, limiter=self.turns)

    def _answer(self, batch: "_Batch", asked: float) -> MtodPredictions:
        """Answer in a thread: the models are loaded here, and computed with."""
        began = time.perf_counter()
        checkpoints = self._checkpoints(batch)
        models = {checkpoint: self._model(checkpoint, batch.request) for checkpoint in checkpoints.values()}
        batch.answer(models, checkpoints)
        return MtodPredictions(
            predictions=batch.predictions(models, checkpoints),
            checkpoints=checkpoints,
            usage=Usage(
                tokens=sum(answer.tokens for answer in batch.answers.values()),
                queue_ms=round(1000 * (began - asked), 3),
                inference_ms=round(1000 * (time.perf_counter() - began), 3),
            ),
        )

    def _checkpoints(self, batch: "_Batch") -> dict[str, str]:
        """Return the checkpoint for each language of a request."""
        wanted = batch.request.checkpoint
        return {
            language: wanted or self.live.checkpoint_for(TaskName.MTOD, language)
            for language in dict.fromkeys(batch.languages)
        }

    def _model(self, checkpoint: str, request: PredictRequest) -> LoadedModel:
        """Return a model; one that is deployed and not there is our fault, not the client's."""
        try:
            return self.models.get(TaskName.MTOD, checkpoint)
        except NotFound as error:
            if request.checkpoint is not None:
                raise
            raise ModelUnavailable(
                f"checkpoint {checkpoint} is deployed, but the store has lost it"
            ) from error


@dataclass(slots=True)
class _Batch:
    """The utterances of one request, and their answers by index."""

    request: PredictRequest
    languages: Sequence[str]
    answers: dict[int, Answer] = field(default_factory=dict)

    def answer(self, models: Mapping[str, LoadedModel], checkpoints: Mapping[str, str]) -> None:
        """Let each model answer its share.

        Raises:
            InvalidInput: Every text that is too long for its model.
        """
        shares: dict[str, list[int]] = defaultdict(list)
        for index, language in enumerate(self.languages):
            shares[checkpoints[language]].append(index)
        faults: list[Fault] = []
        for checkpoint, indices in shares.items():
            texts = [self._utterances[index].text for index in indices]
            try:
                answers = models[checkpoint].predict(texts, top_k=self.request.top_k)
            except InvalidInput as error:
                faults.extend(_placed(fault, indices) for fault in error.faults)
            else:
                self.answers.update(zip(indices, answers, strict=True))
        if faults:
            raise InvalidInput(faults)

    def predictions(
        self, models: Mapping[str, LoadedModel], checkpoints: Mapping[str, str]
    ) -> tuple[MtodPrediction, ...]:
        """Return the answers in the order of the utterances."""
        return tuple(
            MtodPrediction(
                id=utterance.id,
                text=utterance.text,
                language=language,
                intent=self.answers[index].intents[0],
                intent_ranking=self.answers[index].intents,
                slots=self.answers[index].slots,
                adapted=is_adapted(models[checkpoints[language]].manifest, language),
            )
            for index, (utterance, language) in enumerate(zip(self._utterances, self.languages, strict=True))
        )

    @property
    def _utterances(self) -> tuple[Utterance, ...]:
        return self.request.utterances


def utterance_languages(request: PredictRequest) -> list[str]:
    """Return the language of each utterance: its own, or else the request's.

    Raises:
        InvalidInput: Every utterance without either.
    """
    faults = [
        Fault(f"/utterances/{index}", "no language: neither this utterance nor the request has one")
        for index, utterance in enumerate(request.utterances)
        if utterance.language is None and request.language is None
    ]
    if faults:
        raise InvalidInput(faults)
    return [utterance.language or request.language or "" for utterance in request.utterances]


def _placed(fault: Fault, indices: Sequence[int]) -> Fault:
    """Return a predictor's fault with the utterance's place in the request."""
    return Fault(f"/utterances/{indices[int(fault.pointer.removeprefix('/'))]}", fault.detail)
