"""Labels of methods, amounts of data and numbers."""

from typing import Any

import pytest

from core.contracts.values import MTOD, QA
from core.experiments.aggregation import Variant
from core.experiments.formatting import (
    amount_name,
    format_p_value,
    format_percent,
    format_spread,
    method_name,
)
from core.experiments.statistics import spread


def variant(method: str = "x-metra-ada", **changes: Any) -> Variant:
    return Variant.model_validate({"method": method} | changes)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "x-metra-ada"),
        ({"trainable": "lora"}, "x-metra-ada (lora)"),
        ({"schedule": "interleaved"}, "x-metra-ada (interleaved)"),
        ({"trainable": "heads", "schedule": "interleaved"}, "x-metra-ada (heads, interleaved)"),
    ],
)
def test_method_name_includes_trainable_and_schedule(fields: dict[str, Any], name: str) -> None:
    assert method_name(variant(**fields)) == name


def test_amount_name_uses_the_unit_of_the_task() -> None:
    assert amount_name(variant(), MTOD) == "all"
    assert amount_name(variant(share=0.125), QA) == "12.5 %"
    assert amount_name(variant(shots=3), MTOD) == "3 an intent"
    assert amount_name(variant(shots=30), QA) == "30 in all"


def test_format_percent_includes_deviation_if_there_is_one() -> None:
    assert format_percent(spread([0.929])) == "92.9"
    assert format_percent(spread([0.9, 0.92])) == "91.0 ± 1.4"
    assert format_spread(spread([1.0, 3.0]), digits=2) == "2.00 ± 1.41"


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0154, "0.015"), (0.001, "0.001"), (0.0009, "< 0.001")]
)
def test_format_p_value_has_a_lower_limit(value: float | None, text: str) -> None:
    assert format_p_value(value) == text
