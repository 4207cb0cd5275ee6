"""The sentence a person reads first: what was gained, and whether meta-learning earned its keep."""

from collections.abc import Sequence

from core.contracts.reports import Candidate
from core.contracts.values import Method
from core.evaluation.significance import mcnemar_p_value
from core.tasks.engine import Measurement

SIGNIFICANT = 0.05
"""The p-value under which a difference is called one."""

SMALLEST_TOLD = 0.001
"""The p-value under which the figure itself says nothing more."""

Rated = tuple[Candidate, Measurement]


def verdict(result: Rated, rivals: Sequence[Rated]) -> str:
    """Compare the result with each rival on the same held-out examples.

    Args:
        result: The model that was made.
        rivals: The zero-shot base, then the baselines that were asked for.
    """
    sentences = [_against(result, rival) for rival in rivals]
    if len(rivals) == 1 and result[0].name != Method.FT:
        sentences.append("Whether plain fine-tuning would do as well was not asked (baselines: ft).")
    return " ".join(sentences)


def _against(result: Rated, rival: Rated) -> str:
    """Say in one sentence who is better, by how much, and whether that could be chance."""
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
    p_value = f"p = {chance:.3f}" if chance >= SMALLEST_TOLD else f"p < {SMALLEST_TOLD}"
    sure = "" if chance < SIGNIFICANT else ", which could be chance"
    return (
        f"{mine.name} is {words} {_with_article(other.name)}{by} "
        f"({figures}; McNemar on exact matches {p_value}{sure})."
    )


def _with_article(name: str) -> str:
    """Return a model's name as it stands in a sentence: a method's is a proper name."""
    return name if name in set(Method) else f"the {name.removeprefix('the ')}"
