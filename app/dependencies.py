"""What the routes stand on, made once when the app is and handed to each request."""

from dataclasses import dataclass
from typing import Annotated, Self

from anyio import CapacityLimiter
from fastapi import Depends, Header, Path, Request
from pydantic import StringConstraints

from app import desks
from app.answers import MtodPredictions, QaPredictions
from app.metrics import Metrics
from app.prediction import Desk
from app.serving import LiveDeployments, LoadedModels, Loader, torch_loader
from app.settings import Settings
from core.contracts.values import Identifier
from core.queue import JobQueue
from core.store import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may call.

    Attributes:
        store: Everything durable.
        queue: Redis.
        live: Which checkpoint serves a language.
        mtod: Tells intents and slots.
        qa: Answers questions.
        metrics: What is counted and measured.
    """

    store: Store
    queue: JobQueue
    live: LiveDeployments
    mtod: Desk[MtodPredictions]
    qa: Desk[QaPredictions]
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
        live = LiveDeployments(store)
        models = LoadedModels(
            store, load or torch_loader(settings.device), max_bytes=settings.predictor_cache_bytes
        )
        turns = CapacityLimiter(settings.predict_concurrency)
        waiting = settings.max_waiting_predictions
        return cls(
            store,
            queue,
            live,
            mtod=Desk(desks.MTOD, live, models, turns, waiting),
            qa=Desk(desks.QA, live, models, turns, waiting),
            metrics=Metrics(queue),
        )


def _services(request: Request) -> Services:
    """Return what `create_app` made."""
    services: Services = request.app.state.services
    return services


Serving = Annotated[Services, Depends(_services)]

JobId = Annotated[Identifier, Path(description="The id that `POST /adapt` or `POST /pretrain` answered.")]

DatasetId = Annotated[Identifier, Path(description="The id that `POST /datasets` answered.")]

IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")] | None,
    Header(description="Your own name for this request: a repeat within a day gets the first answer."),
]
