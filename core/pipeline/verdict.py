"""The verdict of a report: sentences that compare the result with the base and the baselines."""

from collections.abc import Sequence

from core.contracts.reports import Candidate
from core.contracts.values import Method
from core.evaluation.significance import mcnemar_p_value
from core.tasks.engine import Measurement

SIGNIFICANT = 0.05
"""P-value below which a difference is called significant."""

SMALLEST_PRINTED = 0.001
"""P-value below which the figure itself is not printed."""

Rated = tuple[Candidate, Measurement]


def verdict(result: Rated, rivals: Sequence[Rated]) -> str:
    """Compare the result with each rival on the same held-out examples, in one sentence each.

    Args:
        result: The trained model.
        rivals: The zero-shot base, then the requested baselines.
    """
    sentences = [_against(result, rival) for rival in rivals]
    if len(rivals) == 1 and result[0].name != Method.FT:
        sentences.append("Whether plain fine-tuning would do as well was not asked (baselines: ft).")
    return " ".join(sentences)


def _against(result: Rated, rival: Rated) -> str:
    """Return a sentence on which model is better, by how much, and whether that could be chance."""
    (mine, my_measurement), (other, other_measurement) = result, rival
    new, old = mine.evaluation, other.evaluation
    points = round(100 * (new.quality - old.quality), 1)
    figures = ", ".join(
        f"{name} {100 * rate:.1f} against {100 * old.headline[name]:.1f}"
        for name, rate in new.headline.items()
    )
    words = "better than" if points > 0 else "worse than" if points < 0 else "level with"
    by = f" by {abs(points):.1f} points" if points else ""
    chance = mcnemar_p_value(my_measurement.exact, other_measurement.exact)
    p_value = f"p = {chance:.3f}" if chance >= SMALLEST_PRINTED else f"p < {SMALLEST_PRINTED}"
    sure = "" if chance < SIGNIFICANT else ", which could be chance"
    return (
        f"{mine.name} is {words} {_with_article(other.name)}{by} "
        f"({figures}; McNemar on exact matches {p_value}{sure})."
    )


def _with_article(name: str) -> str:
    """Return a model's name with its article; the names of methods have none."""
    return name if name in set(Method) else f"the {name.removeprefix('the ')}"
