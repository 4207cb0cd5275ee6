"""GET /jobs, GET /jobs/{job_id}, its events, and its end."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from app.dependencies import JobId, Serving
from app.jobs import queries
from app.jobs.event_stream import JobEvents
from app.jobs.queries import JobFilter
from app.openapi import problems
from app.schemas.responses import JobPage, JobView
from core.contracts.jobs import JobEvent

router = APIRouter(prefix="/jobs", tags=["jobs"])

EVENT = {
    "type": "object",
    "required": ["event", "data", "id"],
    "properties": {
        "event": {"type": "string", "enum": ["status", "progress"]},
        "id": {"type": "string", "description": "What to send as `Last-Event-ID` to go on behind it."},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": f"#/components/schemas/{JobEvent.__name__}"},
        },
    },
}

STREAM = {
    "description": "Events `status` and `progress`; the last is a final status.",
    "content": {"text/event-stream": {"schema": EVENT}},
}


@router.get("", summary="List jobs", responses=problems(422, 503))
def list_jobs(chosen: Annotated[JobFilter, Query()], services: Serving) -> JobPage:
    """Return jobs, newest first, without their plans and reports."""
    return queries.page(chosen, store=services.store, queue=services.queue)


@router.get("/{job_id}", summary="How far a job is, and what it made", responses=problems(404, 422, 503))
def read_job(job_id: JobId, services: Serving) -> JobView:
    """Return the record of a job with its latest progress; at the end, with its report or its error."""
    return queries.view(services.store.jobs.load(job_id), services.queue)


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses={200: STREAM, **problems(404, 422, 503)},
)
async def follow_job(
    job_id: JobId, services: Serving, last_event_id: Annotated[str | None, Header()] = None
) -> EventSourceResponse:
    """Stream what happens to a job, from the beginning or from `Last-Event-ID` on, until it has ended."""
    record = await run_in_threadpool(services.store.jobs.load, job_id)
    events = JobEvents(record, store=services.store, queue=services.queue)
    return EventSourceResponse(await events.open(last_event_id))


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    summary="Stop a job",
    responses=problems(404, 409, 422, 503, 507),
)
def cancel_job(job_id: JobId, services: Serving) -> JobView:
    """Ask a job to stop. One that waited is cancelled at once; one that runs stops at its next step."""
    return queries.cancel(services.store.jobs.load(job_id), store=services.store, queue=services.queue)
