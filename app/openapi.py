"""The description of the API: FastAPI's own, with the request bodies that it does not read itself."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel

from app.documents import FORM, JSON
from app.errors import PROBLEM_JSON, ProblemDetails
from app.requests import AdaptRequest, DatasetRequest, PredictRequest, PretrainRequest
from core.contracts.jobs import JobEvent

DESCRIPTION: Final = """\
Bring a few dozen labelled utterances in your language; get an endpoint that speaks it.

1. `POST /pretrain` makes a **base** from source-language examples, once.
2. `POST /adapt` adapts it to a language: `202` and a job.
3. `GET /jobs/{id}` tells how far it is, and at the end what it is worth.
4. `POST /predict/mtod` answers, with the adapted model or, where nobody adapted, with the base.

Offsets are half-open and count Unicode code points. Languages are BCP-47 tags. Every error is
`application/problem+json` (RFC 9457) and lists all faults at once, each with its place.
"""

TAGS: Final = [
    {"name": "training", "description": "Make a base, and adapt it to a language."},
    {"name": "jobs", "description": "What is being made, and what was."},
    {"name": "prediction", "description": "Understand utterances."},
    {"name": "operations", "description": "Whether the service works."},
]

REQUESTS: Final[tuple[type[BaseModel], ...]] = (
    AdaptRequest,
    DatasetRequest,
    PredictRequest,
    PretrainRequest,
)
"""Bodies that the routes read by themselves, so that FastAPI does not know them."""

REASONS: Final = {
    400: "The body cannot be read: not JSON, not UTF-8, not a form",
    404: "There is no such thing",
    409: "The request contradicts what is stored",
    413: "More bytes, examples or texts than are taken",
    415: "The body is of another kind",
    422: "Every fault, each with its place",
    429: "Too many jobs are waiting; try again after `Retry-After` seconds",
    500: "Something stored is damaged, or there is a bug here",
    503: "Redis, the store or a model cannot answer now; try again after `Retry-After` seconds",
    507: "The store has no space left",
}

READS_A_BODY: Final = (400, 413, 415, 422)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors that a route may answer."""
    schema = {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}
    return {
        status: {"description": REASONS[status], "content": {PROBLEM_JSON: {"schema": schema}}}
        for status in sorted({*statuses, 500})
    }


def body(model: type[BaseModel], *, files: tuple[str, ...] = ()) -> dict[str, Any]:
    """Describe a body that a route reads by itself.

    Args:
        model: What it is as JSON.
        files: The fields that may be files, where it may be a form.
    """
    content: dict[str, Any] = {JSON: {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    if files:
        content[FORM] = {"schema": _form(model, files)}
    return {"requestBody": {"required": True, "content": content}}


def _form(model: type[BaseModel], files: tuple[str, ...]) -> dict[str, Any]:
    """Describe a form: files, one field for all the rest or one for each, and the format of the files."""
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    properties: dict[str, Any] = dict.fromkeys(files, binary)
    properties["format"] = {"type": "string", "enum": ["jsonl", "mtod-tsv", "conll"]}
    properties["request"] = {
        "type": "string",
        "contentMediaType": JSON,
        "description": f"A {model.__name__} without its files; or send each of its fields as a field.",
    }
    others = {name: {"type": "string"} for name in model.model_fields if name not in properties}
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
        return self.openapi_schema or {}


def extra_schemas() -> dict[str, Any]:
    """Return the schemas that only our own descriptions name, and all that these refer to."""
    found: dict[str, Any] = {}
    models: tuple[type[BaseModel], ...] = (*REQUESTS, ProblemDetails, JobEvent)
    for model in models:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found.update(schema.pop("$defs", {}))
        found[model.__name__] = schema
    return found
