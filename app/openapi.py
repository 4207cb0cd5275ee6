"""The description of the API: FastAPI's own, with the request bodies that it does not read itself."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from app.parsing.documents import FORM, JSON
from app.parsing.problems import PROBLEM_JSON, ProblemDetails
from app.schemas.limits import set_limits
from app.schemas.prediction import MtodPredictRequest, QaPredictRequest
from app.schemas.registry import DeployRequest
from app.schemas.training import ADAPT_REQUESTS, DATASET_REQUESTS, PRETRAIN_REQUESTS
from app.security.permissions import OPEN, allowed_for
from core.contracts.jobs import JobEvent
from core.contracts.values import TaskName
from core.formats import FileFormat

DESCRIPTION: Final = """\
Bring a few dozen labelled utterances, or questions with their answers, in your language; get an endpoint
that speaks it.

1. `POST /pretrain` makes a **base** from source-language examples, once.
2. `POST /adapt` adapts it to a language: `202` and a job.
3. `GET /jobs/{id}` tells how far it is, and at the end what it is worth.
4. `POST /predict/mtod` (intents and slots) and `POST /predict/qa` (answers) use the adapted model or, where
   nobody adapted, the base.

Every request that teaches says its `task`, `mtod` or `qa`; each has a base of its own.

Offsets are half-open and count Unicode code points. Languages are BCP-47 tags. Every error is
`application/problem+json` (RFC 9457) and lists all faults at once, each with its place.
"""

TAGS: Final = [
    {"name": "training", "description": "Make a base, and adapt it to a language."},
    {"name": "jobs", "description": "What is being made, and what was."},
    {"name": "prediction", "description": "Understand utterances, answer questions."},
    {"name": "models", "description": "What was made, and which of it serves."},
    {"name": "operations", "description": "Whether the service works."},
]

REQUESTS: Final[tuple[type[BaseModel], ...]] = (
    *ADAPT_REQUESTS.values(),
    *DATASET_REQUESTS.values(),
    *PRETRAIN_REQUESTS.values(),
    QaPredictRequest,
    MtodPredictRequest,
    DeployRequest,
)
"""Bodies that the routes read by themselves, so that FastAPI does not know them."""

REASONS: Final = {
    400: "The body cannot be read: not JSON, not UTF-8, not a form",
    401: "No key was sent, or it is nobody's; only where the service has keys",
    403: "The key has no scope that this needs; only where the service has keys",
    404: "There is no such thing",
    409: "The request contradicts what is stored",
    412: "Something else serves than `If-Match` or `If-None-Match` says",
    413: "More bytes, examples or texts than are taken",
    415: "The body is of another kind",
    422: "Every fault, each with its place",
    429: "Too many jobs are waiting, or the caller's rate is spent; try again after `Retry-After` seconds",
    500: "Something stored is damaged, or there is a bug here",
    503: "Redis, the store or a model cannot answer now; try again after `Retry-After` seconds",
    507: "The store has no space left",
}

READS_A_BODY: Final = (400, 413, 415, 422)


BEARER: Final = "key"

SECURITY_SCHEME: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "xm_<id>_<secret>",
    "description": (
        "A key that `xmetra keys new` made, where the service has keys; without them, it is open. The roles "
        "of a route are the scopes of which a key needs one: `predict`, `adapt`, `metrics`, or `admin`, "
        "which has all."
    ),
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route may answer."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        status: {"description": REASONS[status], "content": {PROBLEM_JSON: {"schema": schema}}}
        for status in sorted({*statuses, 500})
    }


def body(model: type[BaseModel]) -> dict[str, Any]:
    """Describe a JSON body that a route reads by itself."""
    return _required({JSON: {"schema": _reference(model)}})


def task_body(requests: Mapping[TaskName, type[BaseModel]], *, files: tuple[str, ...]) -> dict[str, Any]:
    """Describe a body that a route reads by itself, as JSON or as a form.

    Args:
        requests: What it is for each task.
        files: The fields of a form that may be files.
    """
    choice = {"anyOf": [_reference(model) for model in requests.values()]}
    return _required({JSON: {"schema": choice}, FORM: {"schema": _form(requests, files)}})


def _required(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _form(requests: Mapping[TaskName, type[BaseModel]], files: tuple[str, ...]) -> dict[str, Any]:
    """Describe a form: files, one field for all the rest or one for each, and the format of the files."""
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    properties: dict[str, Any] = dict.fromkeys(files, binary)
    properties["format"] = {"type": "string", "enum": [*FileFormat]}
    names = " or ".join(model.__name__ for model in requests.values())
    properties["request"] = {
        "type": "string",
        "contentMediaType": JSON,
        "description": f"A {names} without its files; or send each of its fields as a field.",
    }
    fields = dict.fromkeys(name for model in requests.values() for name in model.model_fields)
    others = {name: {"type": "string"} for name in fields if name not in properties}
    return {"type": "object", "properties": {**properties, **others}, "additionalProperties": False}


class DescribedApp(FastAPI):
    """A FastAPI app that describes the request bodies its routes read by themselves."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        if self.openapi_schema is None:
            schema = super().openapi()
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for name, definition in extra_schemas().items():
                components.setdefault(name, definition)
            describe_keys(schema)
            set_limits(schema, self.state.limits)
        return self.openapi_schema or {}


def describe_keys(schema: dict[str, Any]) -> None:
    """Tell which scopes each route asks for, and what is answered without them."""
    refused = problems(401, 403)
    schema["components"]["securitySchemes"] = {BEARER: SECURITY_SCHEME}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            scopes = sorted(allowed_for(method.upper(), path) or OPEN)
            if scopes:
                operation["security"] = [{BEARER: [scope]} for scope in scopes]
                operation["responses"].update({str(status): told for status, told in refused.items()})


def extra_schemas() -> dict[str, Any]:
    """Return the schemas that only our own descriptions name, and all that these refer to."""
    found: dict[str, Any] = {}
    models: tuple[type[BaseModel], ...] = (*REQUESTS, ProblemDetails, JobEvent)
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found.update(schema.pop("$defs", {}))
        found[model.__name__] = schema
    return found
