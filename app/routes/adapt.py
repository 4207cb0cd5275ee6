"""POST /adapt."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.dependencies import IdempotencyKey, Serving
from app.jobs.builders import Adaptation
from app.jobs.submission import Submission
from app.openapi import READS_A_BODY, problems, task_body
from app.parsing.bodies import Submitted, submitted
from app.schemas.responses import Checks, DryRun, JobAccepted
from app.schemas.training import ADAPT_REQUESTS, AdaptRequest
from app.security.rate_limits import JobRateLimit

router = APIRouter(tags=["training"])


@router.post(
    "/adapt",
    status_code=202,
    response_model=JobAccepted,
    summary="Adapt a language by a few examples",
    responses={
        200: {"model": DryRun, "description": "With `dry_run`: the checks and the plan, and nothing done"},
        **problems(*READS_A_BODY, 404, 409, 429, 503, 507),
    },
    openapi_extra=task_body(ADAPT_REQUESTS, files=("examples", "evaluation")),
)
def adapt(
    given: Annotated[Submitted[AdaptRequest], Depends(submitted(ADAPT_REQUESTS))],
    services: Serving,
    response: Response,
    ration: JobRateLimit,
    idempotency_key: IdempotencyKey = None,
) -> JobAccepted | Response:
    """Check the examples against the base, plan, and queue a job; `dry_run` stops after the plan."""
    checked = Adaptation.checked(given.body, services.store)
    warnings = (*given.warnings, *checked.plan.warnings)
    if given.body.dry_run:
        told = DryRun(checks=Checks(warnings=warnings), plan=checked.plan)
        return Response(told.model_dump_json(), media_type="application/json")
    submission = Submission(
        checked.job(services.store), checked.plan, warnings, idempotency_key, counted=ration.acquire(1)
    )
    accepted = submission.submit(store=services.store, queue=services.queue)
    response.headers["location"] = f"/jobs/{accepted.job_id}"
    return accepted
