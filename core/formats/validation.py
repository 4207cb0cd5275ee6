"""Validation of the examples of a file, with faults reported by line."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from core.contracts.examples import MtodExample
from core.contracts.field_faults import FieldFault, field_faults
from core.formats.diagnostics import Diagnostics


def validate_example(fields: Mapping[str, Any], line: int, diagnostics: Diagnostics) -> MtodExample | None:
    """Validate the fields of an example.

    Args:
        fields: Field values, by the names of `MtodExample`.
        line: Line number for the faults, starting at 1.
        diagnostics: Receives the faults.

    Returns:
        The example, or None if it has faults.
    """
    try:
        return MtodExample.model_validate(fields)
    except ValidationError as error:
        add_faults(field_faults(error.errors(include_url=False)), line, diagnostics)
        return None


def add_faults(faults: Iterable[FieldFault], line: int, diagnostics: Diagnostics) -> None:
    """Add the faults of one line."""
    for fault in faults:
        diagnostics.add_fault(line, fault_message(fault))


def fault_messages(error: ValidationError) -> Iterator[str]:
    """Yield a message for each fault that pydantic reports."""
    return (fault_message(fault) for fault in field_faults(error.errors(include_url=False)))


def fault_message(fault: FieldFault) -> str:
    """Return the message of a fault; it begins with the field, such as ``slots/0/start``."""
    field = "/".join(str(step) for step in fault.place)
    is_named = not field or fault.detail.startswith(f"{field} ")
    return fault.detail if is_named else f"{field}: {fault.detail}"
