"""Ids of questions: answers are scored by them, so no two questions of a file may share one."""

from core.formats.notes import FaultPlace, pointer


class QuestionIds:
    """The ids seen so far, each with its place."""

    def __init__(self) -> None:
        self._places: dict[str, FaultPlace] = {}

    def repetition(self, question_id: object, place: FaultPlace) -> str | None:
        """Take an id in; tell what is wrong if it is there already.

        Args:
            question_id: Anything; what is no string is no id, and none is repeated.
            place: Of the question.
        """
        if not isinstance(question_id, str):
            return None
        first = self._places.setdefault(question_id, place)
        return None if first == place else f"id: {question_id!r} was already given at {pointer(first)}"
