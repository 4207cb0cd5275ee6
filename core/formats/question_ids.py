"""Uniqueness of the question ids in a file; predictions are scored by id."""

from core.formats.diagnostics import FaultLocation, format_location


class QuestionIds:
    """Registry of the ids in a file, with the location of each question."""

    def __init__(self) -> None:
        self._locations: dict[str, FaultLocation] = {}

    def register(self, question_id: object, location: FaultLocation) -> str | None:
        """Add an id.

        Args:
            question_id: The id; values that are not strings are ignored.
            location: Location of the question.

        Returns:
            A description of the fault if another question has the id, else None.
        """
        if not isinstance(question_id, str):
            return None
        first = self._locations.setdefault(question_id, location)
        if first == location:
            return None
        return f"id: {question_id!r} was already given at {format_location(first)}"
