"""POST /pretrain."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.dependencies import DefaultEncoder, IdempotencyKey, Serving
from app.jobs.builders import Pretraining
from app.jobs.submission import Submission
from app.openapi import READS_A_BODY, problems, task_body
from app.parsing.bodies import Submitted, submitted
from app.schemas.responses import JobAccepted
from app.schemas.task_requests import pretrain_requests
from app.schemas.training import PretrainRequest
from app.security.rate_limits import JobRateLimit

router = APIRouter(tags=["training"])


@router.post(
    "/pretrain",
    status_code=202,
    summary="Make a base from source-language examples",
    response_description="The job, which is queued",
    responses=problems(*READS_A_BODY, 404, 409, 429, 503, 507),
    openapi_extra=task_body(pretrain_requests(), files=("examples", "evaluation")),
)
def pretrain(
    submitted_request: Annotated[Submitted[PretrainRequest], Depends(submitted(pretrain_requests))],
    services: Serving,
    response: Response,
    rate_limit: JobRateLimit,
    encoder: DefaultEncoder,
    idempotency_key: IdempotencyKey = None,
) -> JobAccepted:
    """Queue a job that trains a base (PRE). The better base serves every language without its own model."""
    checked = Pretraining.checked(submitted_request.body, services.store, encoder=encoder)
    submission = Submission(
        checked.job(services.store),
        warnings=submitted_request.warnings,
        idempotency_key=idempotency_key,
        counted=rate_limit.acquire(1),
    )
    accepted = submission.submit(store=services.store, queue=services.queue)
    response.headers["location"] = f"/jobs/{accepted.job_id}"
    return accepted
