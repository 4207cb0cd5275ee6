"""GET /languages, and the deployments of each language: GET, PUT and rollback."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.dependencies import Serving
from app.openapi import READS_A_BODY, body, problems
from app.parsing.bodies import json_body
from app.parsing.preconditions import IfLive, IfLiveOrFirst, etag
from app.registry import deploying
from app.registry.served_models import served_task
from app.schemas.checkpoints import DeploymentKey, DeployRequest, LanguageView
from app.schemas.responses import Languages
from core.contracts.values import TaskName
from core.plugins import task_names

router = APIRouter(prefix="/languages", tags=["models"])

Task = Annotated[TaskName, Path(description="Name of a task.")]

Language = Annotated[
    DeploymentKey,
    Path(description="A BCP-47 tag, or `base` for every language without a deployment of its own."),
]

TAGGED = {
    "headers": {
        "ETag": {
            "description": "The number of the live deployment, quoted; send it as `If-Match`.",
            "schema": {"type": "string"},
        }
    }
}


@router.get(
    "",
    summary="List the served languages",
    response_description="The served languages of each task",
    responses=problems(503),
)
def list_languages(services: Serving) -> Languages:
    """Return every language with a model of its own, and the base that answers all others zero-shot."""
    return Languages(tasks=tuple(served_task(task, services.store) for task in task_names()))


@router.get(
    "/{task}/{language}",
    summary="Describe the deployments of a language",
    response_description="The live deployment and the history",
    responses={200: TAGGED, **problems(404, 422, 503)},
)
def read_language(task: Task, language: Language, services: Serving, response: Response) -> LanguageView:
    """Return the live deployment of a language and its history, newest first."""
    return _tagged(deploying.view(task, language, services.store), response)


@router.put(
    "/{task}/{language}",
    summary="Deploy a checkpoint to a language",
    response_description="The new live deployment and the history",
    responses={
        200: TAGGED,
        201: {"model": LanguageView, "description": "The first deployment of the language", **TAGGED},
        **problems(*READS_A_BODY, 404, 409, 412, 503, 507),
    },
    openapi_extra=body(DeployRequest),
)
def deploy_checkpoint(
    task: Task,
    language: Language,
    deployment_request: Annotated[DeployRequest, Depends(json_body(DeployRequest))],
    precondition: IfLiveOrFirst,
    services: Serving,
    response: Response,
) -> LanguageView:
    """Deploy a checkpoint; every API process serves it within two seconds.

    With `If-Match`, the deployment succeeds only if the named one is still live: of two requests with the
    same tag, one succeeds.
    """
    deployment = deploying.deploy(
        task, language, deployment_request, precondition=precondition, store=services.store
    )
    if deployment.number == 1:
        response.status_code = 201
    return _tagged(deploying.view(task, language, services.store), response)


@router.post(
    "/{task}/{language}/rollback",
    summary="Roll a language back to its previous checkpoint",
    response_description="The new live deployment and the history",
    responses={200: TAGGED, **problems(404, 409, 412, 422, 503, 507)},
)
def roll_back(
    task: Task, language: Language, precondition: IfLive, services: Serving, response: Response
) -> LanguageView:
    """Deploy the previous other checkpoint again. A second rollback reverts the first."""
    deploying.roll_back(task, language, precondition=precondition, store=services.store)
    return _tagged(deploying.view(task, language, services.store), response)


def _tagged(view: LanguageView, response: Response) -> LanguageView:
    """Return the view, with the number of the live deployment in the `ETag` header."""
    response.headers["etag"] = etag(view.live.number)
    return view
