"""Promotion: a new checkpoint never replaces a better one."""

from core.contracts.reports import Candidate, PromotionDecision
from core.contracts.values import Promotion


def decide(policy: Promotion, candidate: Candidate, incumbent: Candidate | None) -> PromotionDecision:
    """Decide whether a new checkpoint is deployed.

    Args:
        policy: The request's promotion policy.
        candidate: The new checkpoint with its scores.
        incumbent: The serving checkpoint with its scores on the same examples; None if there is none.
    """
    if policy is Promotion.NEVER:
        return PromotionDecision(promoted=False, reason="promotion was not wanted")
    if incumbent is None:
        return PromotionDecision(promoted=True, reason="nothing served before")
    new, old = candidate.evaluation.quality, incumbent.evaluation.quality
    measured = (
        f"{candidate.evaluation.quality_name} {100 * new:.1f} against {100 * old:.1f} of {incumbent.name} "
        f"on {candidate.evaluation.examples} held-out examples"
    )
    if new > old:
        return PromotionDecision(promoted=True, reason=f"better: {measured}")
    if policy is Promotion.ALWAYS:
        return PromotionDecision(promoted=True, reason=f"as asked, though not better: {measured}")
    return PromotionDecision(promoted=False, reason=f"not better: {measured}")
