"""POST /adapt."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.dependencies import IdempotencyKey, Serving
from app.jobs.builders import Adaptation
from app.jobs.submission import Submission
from app.openapi import READS_A_BODY, problems, task_body
from app.parsing.bodies import Submitted, submitted
from app.schemas.responses import Checks, DryRun, JobAccepted
from app.schemas.task_requests import adapt_requests
from app.schemas.training import AdaptRequest
from app.security.rate_limits import JobRateLimit

router = APIRouter(tags=["training"])


@router.post(
    "/adapt",
    status_code=202,
    response_model=JobAccepted,
    response_description="The job, which is queued",
    summary="Adapt a language by a few examples",
    responses={
        200: {"model": DryRun, "description": "With `dry_run`: the checks and the plan; no job is queued"},
        **problems(*READS_A_BODY, 404, 409, 429, 503, 507),
    },
    openapi_extra=task_body(adapt_requests(), files=("examples", "evaluation")),
)
def adapt(
    submitted_request: Annotated[Submitted[AdaptRequest], Depends(submitted(adapt_requests))],
    services: Serving,
    response: Response,
    rate_limit: JobRateLimit,
    idempotency_key: IdempotencyKey = None,
) -> JobAccepted | Response:
    """Check the examples against the base, plan, and queue a job; `dry_run` stops after the plan."""
    checked = Adaptation.checked(submitted_request.body, services.store)
    warnings = (*submitted_request.warnings, *checked.plan.warnings)
    if submitted_request.body.dry_run:
        dry_run = DryRun(checks=Checks(warnings=warnings), plan=checked.plan)
        return Response(dry_run.model_dump_json(), media_type="application/json")
    submission = Submission(
        checked.job(services.store), checked.plan, warnings, idempotency_key, counted=rate_limit.acquire(1)
    )
    accepted = submission.submit(store=services.store, queue=services.queue)
    response.headers["location"] = f"/jobs/{accepted.job_id}"
    return accepted
