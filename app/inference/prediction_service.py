"""The prediction service: requests in several languages, each input answered by the model of its language."""

import time
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from anyio import Event, to_thread

from app.inference.batching import Batcher
from app.inference.deployment_cache import DeploymentCache
from app.inference.model_cache import LoadedModel, ModelCache
from app.inference.prediction_work import ModelShare, PredictionWork
from app.observability.metrics import Metrics
from app.schemas.prediction import PredictRequest
from app.schemas.responses import Predictions, Usage, predictions_response
from core.errors import ModelUnavailable, NotFound, Overloaded
from core.tasks.spec import TaskSpec

MAX_INLINE_CHARACTERS: Final = 1_000
"""Characters that are tokenised in about half a millisecond."""


@dataclass(slots=True)
class PredictionService:
    """Answers the prediction requests of one task.

    Attributes:
        spec: The task.
        deployments: Which checkpoint serves a language.
        models: The loaded models.
        batcher: Runs model passes; shared by all tasks of the device.
        metrics: Counters and histograms.
    """

    spec: TaskSpec
    deployments: DeploymentCache
    models: ModelCache
    batcher: Batcher
    metrics: Metrics
    _loads: dict[str, "_Load"] = field(default_factory=dict, init=False)

    async def predict(self, request: PredictRequest) -> Predictions:
        """Answer every input of a request, in its order.

        Raises:
            InvalidInput: An input has no language, or is too long for its model.
            NotFound: The checkpoint that the request names does not exist.
            ModelUnavailable: No model serves.
            Overloaded: Too many requests wait.
        """
        work = PredictionWork.of(self.spec, request)
        started_at = time.perf_counter()
        try:
            self.batcher.admit(len(work.inputs))
            while missing := await self._tokenize(work):
                work.models[missing] = await self._load(missing, request)
            for share in work.shares:
                await self._answer(share, work)
        except Overloaded:
            self.metrics.record_refusal(task=self.spec.name, reason="overloaded")
            raise
        usage = Usage(
            tokens=work.tokens,
            queue_ms=round(1000 * (time.perf_counter() - started_at - work.seconds), 3),
            inference_ms=round(1000 * work.seconds, 3),
        )
        return predictions_response(self.spec.name)(
            predictions=work.predictions(), checkpoints=work.checkpoints, usage=usage
        )

    async def _answer(self, share: ModelShare, work: PredictionWork) -> None:
        """Run the model passes of a share, in its turn."""
        task, started_at = self.spec.name, time.perf_counter()
        with self.metrics.track_queued(
            task=task, items=len(share.features), tokens=sum(map(len, share.features))
        ):
            share.answers, seconds = await self.batcher.answer(
                share.model, share.features, top_k=work.request.top_k
            )
        work.seconds += seconds
        self.metrics.record_wait(task=task, seconds=max(0.0, time.perf_counter() - started_at - seconds))

    async def _tokenize(self, work: PredictionWork) -> str | None:
        """Tokenise the inputs, or return the id of a checkpoint that has to be loaded first.

        Short inputs are tokenised on the event loop: handing them to a thread takes longer, and every thread
        that is awake delays the thread that computes, for both need Python's lock.
        """
        if work.characters <= MAX_INLINE_CHARACTERS and self._is_cached(work):
            return self._tokenize_now(work)
        with self.batcher.tokenising():
            return await to_thread.run_sync(self._tokenize_now, work)

    def _is_cached(self, work: PredictionWork) -> bool:
        """Whether the checkpoints are known without a look into the store."""
        checkpoint = work.request.checkpoint
        if checkpoint is not None:
            return self.deployments.recently_there(self.spec.name, checkpoint)
        return all(self.deployments.knows(self.spec.name, language) for language in set(work.languages))

    def _tokenize_now(self, work: PredictionWork) -> str | None:
        started_at = time.perf_counter()
        checkpoint = work.request.checkpoint
        if checkpoint is not None:
            self.deployments.require(self.spec.name, checkpoint)
        work.checkpoints = {
            language: checkpoint or self.deployments.checkpoint_for(self.spec.name, language)
            for language in dict.fromkeys(work.languages)
        }
        missing = None
        for checkpoint_id in work.checkpoints.values():
            if model := work.models.get(checkpoint_id) or self.models.loaded(self.spec.name, checkpoint_id):
                work.models[checkpoint_id] = model
            else:
                missing = checkpoint_id
        if missing is None:
            work.tokenize()
            self.metrics.record_cache_hit()
            self.metrics.record_tokenisation(task=self.spec.name, seconds=time.perf_counter() - started_at)
        work.seconds += time.perf_counter() - started_at
        return missing

    async def _load(self, checkpoint: str, request: PredictRequest) -> LoadedModel:
        """Load a model; concurrent requests for it wait for the same load, and occupy no thread.

        Raises:
            NotFound: The checkpoint that the request names does not exist.
            ModelUnavailable: A deployed checkpoint is missing: the service's fault, not the client's.
        """
        self.metrics.record_cache_miss()
        load = self._loads.get(checkpoint)
        if load is None:
            load = self._loads[checkpoint] = _Load()
            # A thread that ends with the load, and with it its OpenMP team (see `app.inference.batching`).
            thread = ThreadPoolExecutor(1, "load")
            try:
                load.model = await get_running_loop().run_in_executor(
                    thread, self.models.get, self.spec.name, checkpoint
                )
            except Exception as error:  # noqa: BLE001 - raised below, in every request that waits
                load.failure = error
            finally:
                thread.shutdown(wait=False)
                del self._loads[checkpoint]
                load.done.set()
        else:
            await load.done.wait()
        if isinstance(load.failure, NotFound) and request.checkpoint is None:
            raise ModelUnavailable(
                f"checkpoint {checkpoint} is deployed, but the store has lost it"
            ) from load.failure
        if load.failure is not None:
            raise load.failure
        if load.model is None:  # the request that loaded it was cancelled: begin anew
            return await self._load(checkpoint, request)
        return load.model


@dataclass(slots=True)
class _Load:
    """A model that is being loaded."""

    done: Event = field(default_factory=Event)
    model: LoadedModel | None = None
    failure: Exception | None = None
