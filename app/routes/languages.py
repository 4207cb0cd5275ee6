"""GET /languages, and what serves each of them: GET, PUT and rollback."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.dependencies import Serving
from app.openapi import READS_A_BODY, body, problems
from app.parsing.bodies import json_body
from app.parsing.preconditions import IfLive, IfLiveOrFirst, etag
from app.registry import deploying
from app.registry.served_models import served_task
from app.schemas.registry import DeploymentKey, DeployRequest, LanguageView
from app.schemas.responses import Languages
from core.contracts.values import TaskName

router = APIRouter(prefix="/languages", tags=["models"])

Language = Annotated[
    DeploymentKey, Path(description="A BCP-47 tag; or `base`, which answers where nothing else does.")
]

TAGGED = {
    "headers": {
        "ETag": {
            "description": "The number of the live deployment, quoted: send it back as `If-Match`.",
            "schema": {"type": "string"},
        }
    }
}


@router.get("", summary="What is served", responses=problems(503))
def list_languages(services: Serving) -> Languages:
    """Return every language that has a model of its own, and the base that answers all others zero-shot."""
    return Languages(tasks=tuple(served_task(task, services.store) for task in TaskName))


@router.get(
    "/{task}/{language}",
    summary="What serves a language, and what served it before",
    responses={200: TAGGED, **problems(404, 422, 503)},
)
def read_language(task: TaskName, language: Language, services: Serving, response: Response) -> LanguageView:
    """Return the live deployment of a language and its history, newest first."""
    return _tagged(deploying.view(task, language, services.store), response)


@router.put(
    "/{task}/{language}",
    summary="Let a checkpoint serve a language",
    responses={
        200: TAGGED,
        201: {"model": LanguageView, "description": "Nothing served it before", **TAGGED},
        **problems(*READS_A_BODY, 404, 409, 412, 503, 507),
    },
    openapi_extra=body(DeployRequest),
)
def deploy_checkpoint(
    task: TaskName,
    language: Language,
    asked: Annotated[DeployRequest, Depends(json_body(DeployRequest))],
    precondition: IfLiveOrFirst,
    services: Serving,
    response: Response,
) -> LanguageView:
    """Let a checkpoint serve from now on; every api process follows within two seconds.

    With `If-Match`, only if what you saw still serves: of two who send the same tag, one succeeds.
    """
    deployment = deploying.deploy(task, language, asked, precondition=precondition, store=services.store)
    if deployment.number == 1:
        response.status_code = 201
    return _tagged(deploying.view(task, language, services.store), response)


@router.post(
    "/{task}/{language}/rollback",
    summary="Let serve again what served before",
    responses={200: TAGGED, **problems(404, 409, 412, 422, 503, 507)},
)
def roll_back(
    task: TaskName, language: Language, precondition: IfLive, services: Serving, response: Response
) -> LanguageView:
    """Deploy the last other checkpoint again. A second rollback takes back the first."""
    deploying.roll_back(task, language, precondition=precondition, store=services.store)
    return _tagged(deploying.view(task, language, services.store), response)


def _tagged(view: LanguageView, response: Response) -> LanguageView:
    """Name the live deployment in the header, too."""
    response.headers["etag"] = etag(view.live.number)
    return view
