"""How methods, amounts and figures are written."""

from typing import Any

import pytest

from core.contracts.values import TaskName
from core.experiments.aggregation import Variant
from core.experiments.labels import amount_name, method_name, p_value, plus_minus, rate
from core.experiments.statistics import spread


def variant(method: str = "x-metra-ada", **changes: Any) -> Variant:
    return Variant.model_validate({"method": method} | changes)


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ({}, "x-metra-ada"),
        ({"trainable": "lora"}, "x-metra-ada (lora)"),
        ({"schedule": "interleaved"}, "x-metra-ada (interleaved)"),
        ({"trainable": "heads", "schedule": "interleaved"}, "x-metra-ada (heads, interleaved)"),
    ],
)
def test_a_method_is_told_with_what_distinguishes_its_form(form: dict[str, Any], name: str) -> None:
    assert method_name(variant(**form)) == name


def test_amounts_are_told_in_the_words_of_their_task() -> None:
    assert amount_name(variant(), TaskName.MTOD) == "all"
    assert amount_name(variant(share=0.125), TaskName.QA) == "12.5 %"
    assert amount_name(variant(shots=3), TaskName.MTOD) == "3 an intent"
    assert amount_name(variant(shots=30), TaskName.QA) == "30 in all"


def test_figures_are_told_with_their_spread_where_there_is_one() -> None:
    assert rate(spread([0.929])) == "92.9"
    assert rate(spread([0.9, 0.92])) == "91.0 ± 1.4"
    assert plus_minus(spread([1.0, 3.0]), digits=2) == "2.00 ± 1.41"


@pytest.mark.parametrize(
    ("value", "told"), [(None, "–"), (0.0154, "0.015"), (0.001, "0.001"), (0.0009, "< 0.001")]
)
def test_chances_are_told_as_far_as_they_say_something(value: float | None, told: str) -> None:
    assert p_value(value) == told
