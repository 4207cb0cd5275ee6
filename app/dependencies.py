"""Dependencies of the routes: the services, made once with the app, and path and header parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Depends, Header, Path, Request
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool

from app.inference.batching import Batcher
from app.inference.deployment_cache import DeploymentCache
from app.inference.model_cache import LoadedModel, Loader, ModelCache, TorchLoader
from app.inference.prediction_service import PredictionService
from app.observability.metrics import Metrics
from app.schemas.training import EvaluateRequest
from app.settings import Settings
from core.contracts.examples import Example
from core.contracts.values import Identifier, TaskName
from core.errors import Conflict
from core.jobqueue.queue import JobQueue
from core.store import Store
from core.tasks.registry import task_specs


@dataclass(frozen=True, slots=True)
class Services:
    """The services that routes call.

    Attributes:
        store: Datasets, checkpoints, deployments and jobs.
        queue: The job queue.
        deployments: Which checkpoint serves a language.
        models: The loaded models.
        predictors: Task → its prediction service.
        metrics: Counters and histograms.
    """

    store: Store
    queue: JobQueue
    deployments: DeploymentCache
    models: ModelCache
    predictors: Mapping[str, PredictionService]
    metrics: Metrics

    @classmethod
    def of(cls, settings: Settings, *, load: Loader | None = None) -> Self:
        """Return the services of the settings; nothing is connected, loaded or written yet.

        Args:
            settings: URLs, limits and the device.
            load: Loads a checkpoint; tests pass a stand-in.
        """
        store = Store(settings.store_url)
        queue = JobQueue.connect(
            settings.redis_url,
            max_waiting=settings.max_waiting_jobs,
            job_timeout_seconds=settings.job_timeout_seconds,
        )
        deployments, metrics = DeploymentCache(store), Metrics(queue)
        models = ModelCache(
            store, load or TorchLoader(settings.device), settings.predictor_cache_bytes, metrics
        )

        def passed(model: LoadedModel, items: int, tokens: int, seconds: float) -> None:
            metrics.record_forward_pass(task=model.manifest.task, items=items, tokens=tokens, seconds=seconds)

        # One for all tasks: they share the device.
        batcher = Batcher(settings.batch_tokens, settings.max_waiting_tokens, passed)
        predictors = {
            spec.name: PredictionService(spec, deployments, models, batcher, metrics) for spec in task_specs()
        }
        return cls(store, queue, deployments, models, predictors, metrics)

    async def examples_of(self, request: EvaluateRequest) -> tuple[Example, ...]:
        """Return the examples of a request, or those of the dataset that it names.

        Raises:
            NotFound: There is no such dataset.
            Conflict: The dataset is of another task.
        """
        if request.examples is not None:
            return request.examples
        assert request.dataset is not None  # the request has one or the other
        manifest = await run_in_threadpool(self.store.datasets.manifest, request.dataset)
        if manifest.task != request.task:
            raise Conflict(
                f"dataset {request.dataset} is for the task {manifest.task}, not for {request.task}"
            )
        return await run_in_threadpool(self.store.datasets.load, request.dataset)

    def forget(self, task: TaskName, checkpoint_id: str) -> None:
        """Drop a deleted checkpoint from the caches; other processes notice within a second."""
        self.deployments.forget(task, checkpoint_id)
        self.models.forget(task, checkpoint_id)


async def _services(request: Request) -> Services:  # FastAPI runs what is not async in a thread
    """Return the services of the app."""
    services: Services = request.app.state.services
    return services


Serving = Annotated[Services, Depends(_services)]


async def _default_encoder(request: Request) -> str:
    """Return the default encoder of the settings."""
    encoder: str = request.app.state.encoder
    return encoder


DefaultEncoder = Annotated[str, Depends(_default_encoder)]

JobId = Annotated[Identifier, Path(description="Id of a job, from `POST /adapt` or `POST /pretrain`.")]

DatasetId = Annotated[Identifier, Path(description="Id of a dataset, from `POST /datasets`.")]

CheckpointId = Annotated[
    Identifier, Path(description="Id of a checkpoint, from a job's report or `GET /checkpoints`.")
]

IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")] | None,
    Header(description="A key of your choice: a repeat within a day gets the first response."),
]
