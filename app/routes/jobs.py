"""GET /jobs, GET /jobs/{job_id}, its event stream, and its cancellation."""

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
        "event": {"type": "string", "enum": ["status", "progress"], "description": "Kind of the event."},
        "id": {
            "type": "string",
            "description": "Id of the event: send it as `Last-Event-ID` to resume after the event.",
        },
        "data": {
            "type": "string",
            "description": "The event as JSON.",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": f"#/components/schemas/{JobEvent.__name__}"},
        },
    },
}

STREAM = {
    "description": "Events `status` and `progress`; the last is a final status.",
    "content": {"text/event-stream": {"schema": EVENT}},
}


@router.get("", summary="List jobs", response_description="A page of jobs", responses=problems(422, 503))
def list_jobs(job_filter: Annotated[JobFilter, Query()], services: Serving) -> JobPage:
    """Return jobs, newest first, without their plans and reports."""
    return queries.page(job_filter, store=services.store, queue=services.queue)


@router.get(
    "/{job_id}",
    summary="Progress and result of a job",
    response_description="The job",
    responses=problems(404, 422, 503),
)
def read_job(job_id: JobId, services: Serving) -> JobView:
    """Return the record of a job with its latest progress and, once it has ended, its report or error."""
    return queries.view(services.store.jobs.load(job_id), services.queue)


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses={200: STREAM, **problems(404, 422, 503)},
)
async def follow_job(
    job_id: JobId,
    services: Serving,
    last_event_id: Annotated[
        str | None, Header(description="Id of the last event received: the stream resumes after it.")
    ] = None,
) -> EventSourceResponse:
    """Stream the events of a job until it has ended, from the first or from the one after `Last-Event-ID`."""
    record = await run_in_threadpool(services.store.jobs.load, job_id)
    events = JobEvents(record, store=services.store, queue=services.queue)
    return EventSourceResponse(await events.open(last_event_id))


@router.post(
    "/{job_id}/cancel",
    status_code=202,
    summary="Cancel a job",
    response_description="The job, which is cancelled or being cancelled",
    responses=problems(404, 409, 422, 503, 507),
)
def cancel_job(job_id: JobId, services: Serving) -> JobView:
    """Cancel a job. A waiting job is cancelled at once; a running job stops at its next step."""
    return queries.cancel(services.store.jobs.load(job_id), store=services.store, queue=services.queue)
