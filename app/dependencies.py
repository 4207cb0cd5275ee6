"""What the routes stand on, made once when the app is and handed to each request."""

from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Header, Path, Request
from pydantic import StringConstraints

from app.inference import task_adapters
from app.inference.batching import Batcher
from app.inference.deployment_cache import DeploymentCache
from app.inference.model_cache import LoadedModel, Loader, ModelCache, TorchLoader
from app.inference.prediction_service import PredictionService
from app.observability.metrics import Metrics
from app.schemas.responses import MtodPredictions, QaPredictions
from app.settings import Settings
from core.contracts.values import Identifier, TaskName
from core.jobqueue.queue import JobQueue
from core.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may call.

    Attributes:
        store: Everything durable.
        queue: Redis.
        live: Which checkpoint serves a language.
        models: Those in memory.
        mtod: Tells intents and slots.
        qa: Answers questions.
        metrics: What is counted and measured.
    """

    store: Store
    queue: JobQueue
    live: DeploymentCache
    models: ModelCache
    mtod: PredictionService[MtodPredictions]
    qa: PredictionService[QaPredictions]
    metrics: Metrics

    @classmethod
    def of(cls, settings: Settings, *, load: Loader | None = None) -> Self:
        """Make all of them; nothing is connected, loaded or written yet.

        Args:
            settings: Says where everything is.
            load: Makes a model of a checkpoint; tests put a quick one in its place.
        """
        store = Store(settings.store_url)
        queue = JobQueue.connect(
            settings.redis_url,
            max_waiting=settings.max_waiting_jobs,
            job_timeout_seconds=settings.job_timeout_seconds,
        )
        live, metrics = DeploymentCache(store), Metrics(queue)
        models = ModelCache(
            store, load or TorchLoader(settings.device), settings.predictor_cache_bytes, metrics
        )

        def passed(model: LoadedModel, items: int, tokens: int, seconds: float) -> None:
            metrics.passed(task=model.manifest.task, items=items, tokens=tokens, seconds=seconds)

        # One for both tasks: they share the device.
        batcher = Batcher(settings.batch_tokens, settings.max_waiting_tokens, passed)
        return cls(
            store,
            queue,
            live,
            models,
            mtod=PredictionService(task_adapters.MTOD, live, models, batcher, metrics),
            qa=PredictionService(task_adapters.QA, live, models, batcher, metrics),
            metrics=metrics,
        )

    def forget(self, task: TaskName, checkpoint_id: str) -> None:
        """Answer no longer with a checkpoint that was deleted; other processes find out within a second."""
        self.live.forget(task, checkpoint_id)
        self.models.forget(task, checkpoint_id)


async def _services(request: Request) -> Services:  # FastAPI runs what is not async in a thread
    """Return what `create_app` made."""
    services: Services = request.app.state.services
    return services


Serving = Annotated[Services, Depends(_services)]


async def _default_encoder(request: Request) -> str:
    """Return what `create_app` was told."""
    encoder: str = request.app.state.encoder
    return encoder


DefaultEncoder = Annotated[str, Depends(_default_encoder)]

JobId = Annotated[Identifier, Path(description="The id that `POST /adapt` or `POST /pretrain` answered.")]

DatasetId = Annotated[Identifier, Path(description="The id that `POST /datasets` answered.")]

CheckpointId = Annotated[
    Identifier, Path(description="The id that a job's report or `GET /checkpoints` tells.")
]

IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")] | None,
    Header(description="Your own name for this request: a repeat within a day gets the first answer."),
]
