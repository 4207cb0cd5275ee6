"""The OpenAPI description: FastAPI's own, with the request bodies that the routes parse by themselves."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from app.parsing.documents import FORM, JSON
from app.parsing.problems import PROBLEM_JSON, ProblemDetails
from app.schemas.checkpoints import DeployRequest
from app.schemas.limits import set_limits
from app.schemas.prediction import predict_request
from app.schemas.task_requests import adapt_requests, dataset_requests, evaluate_requests, pretrain_requests
from app.security.permissions import OPEN, allowed_scopes
from core.contracts.jobs import JobEvent
from core.formats import FileFormat
from core.tasks.registry import task_names, task_specs

_INTRODUCTION: Final = """\
Bring a few dozen labelled utterances, or questions with their answers, in your language; get an endpoint
that speaks it.

1. `POST /pretrain` makes a **base** from source-language examples, once.
2. `POST /adapt` adapts it to a language: `202` and a job.
3. `GET /jobs/{{id}}` reports its progress, and at the end its scores.
4. `POST /predict/{{task}}` uses the adapted model or, for a language without one, the base.

Training requests name their `task`: {tasks}. Each task has a base of its own.

Offsets are half-open and count Unicode code points. Languages are BCP-47 tags. Every error is
`application/problem+json` (RFC 9457) and lists all faults at once, each with its place.
"""


def description() -> str:
    """Return the introduction of the API, with the registered tasks."""
    tasks = ", ".join(f"`{spec.name}` ({spec.title.lower()})" for spec in task_specs())
    return _INTRODUCTION.format(tasks=tasks)


TAGS: Final = [
    {"name": "training", "description": "Training of bases, and their adaptation to languages."},
    {"name": "jobs", "description": "Progress and results of training jobs."},
    {"name": "prediction", "description": "Predictions, and their evaluation."},
    {"name": "models", "description": "Checkpoints, and their deployment to languages."},
    {"name": "operations", "description": "Health and metrics."},
]

REASONS: Final = {
    400: "The body cannot be parsed: it is not JSON, not UTF-8, or not a form",
    401: "No key or an unknown key was sent, and the service requires keys",
    403: "The key has none of the scopes of this route",
    404: "The resource does not exist",
    409: "The request conflicts with the stored state",
    412: "Another deployment is live than `If-Match` or `If-None-Match` requires",
    413: "The body has more bytes, examples or inputs than the limit",
    415: "The media type of the body is not supported",
    422: "The request has faults; each is listed with its place",
    429: "Too many jobs are waiting, or the rate limit is exceeded; retry after `Retry-After` seconds",
    500: "A stored file is damaged, or the service has a bug",
    503: "Redis, the store or a model is unavailable; retry after `Retry-After` seconds",
    507: "The store has no space left",
}

READS_A_BODY: Final = (400, 413, 415, 422)


BEARER: Final = "key"

SECURITY_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "xm_<id>_<secret>",
    "description": (
        "A key made by `xmetra keys new`, if the service requires keys. The roles of a route are scopes, of "
        "which the key needs one: `predict`, `adapt`, `metrics`, or `admin`, which includes all."
    ),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of error responses, 500 included, by status."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        status: {"description": REASONS[status], "content": {PROBLEM_JSON: {"schema": schema}}}
        for status in sorted({*statuses, 500})
    }


def body(model: type[BaseModel]) -> dict[str, Any]:
    """Return the description of a JSON body that a route parses by itself."""
    return _required({JSON: {"schema": _reference(model)}})


def task_body(requests: Mapping[str, type[BaseModel]], *, files: tuple[str, ...]) -> dict[str, Any]:
    """Return the description of a body that a route parses by itself, as JSON or as a form.

    Args:
        requests: Task → class of the body.
        files: Fields of the form that may be files.
    """
    choice = {"anyOf": [_reference(model) for model in requests.values()]}
    return _required({JSON: {"schema": choice}, FORM: {"schema": _form(requests, files)}})


def _required(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "description": "The request.", "content": content}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _form(requests: Mapping[str, type[BaseModel]], files: tuple[str, ...]) -> dict[str, Any]:
    """Return the schema of a form: files, their format, and one field for all others or one for each."""
    properties: dict[str, Any] = {
        name: {
            "type": "string",
            "contentMediaType": "application/octet-stream",
            "description": f"A file of examples for `{name}`.",
        }
        for name in files
    }
    properties["format"] = {
        "type": "string",
        "enum": [*FileFormat],
        "description": "Format of the files; detected from their content by default.",
    }
    names = " or ".join(model.__name__ for model in requests.values())
    properties["request"] = {
        "type": "string",
        "contentMediaType": JSON,
        "description": f"A {names} as JSON, without its files; or send each of its fields as a form field.",
    }
    others = {
        name: {"type": "string", "description": field.description}
        for model in requests.values()
        for name, field in model.model_fields.items()
        if name not in properties
    }
    return {"type": "object", "properties": {**properties, **others}, "additionalProperties": False}


class DescribedApp(FastAPI):
    """A FastAPI app whose description includes the request bodies that its routes parse by themselves."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, which is made once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for name, definition in extra_schemas().items():
                components.setdefault(name, definition)
            describe_keys(schema)
            set_limits(schema, self.state.limits)
        return self.openapi_schema or {}


def describe_keys(schema: dict[str, Any]) -> None:
    """Add the scopes of each route, and its responses to requests without them."""
    refused = problems(401, 403)
    schema["components"]["securitySchemes"] = {BEARER: SECURITY_SCHEME}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            scopes = sorted(allowed_scopes(method.upper(), path) or OPEN)
            if scopes:
                operation["security"] = [{BEARER: [scope]} for scope in scopes]
                operation["responses"].update({str(status): response for status, response in refused.items()})


def extra_schemas() -> dict[str, Any]:
    """Return the schemas that FastAPI does not know, and all that they refer to."""
    schemas: dict[str, Any] = {}
    models: tuple[type[BaseModel], ...] = (*body_models(), ProblemDetails, JobEvent)
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    return schemas


def body_models() -> tuple[type[BaseModel], ...]:
    """Return the bodies that the routes read by themselves, so that FastAPI does not know them."""
    by_task = (adapt_requests(), dataset_requests(), evaluate_requests(), pretrain_requests())
    return (
        *(model for requests in by_task for model in requests.values()),
        *(predict_request(name) for name in task_names()),
        DeployRequest,
    )
