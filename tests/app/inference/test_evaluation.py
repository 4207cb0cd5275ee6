import pytest

from app.inference.evaluation import batches
from app.schemas.limits import Limits
from core.contracts.mtod_predictions import Utterance
from core.contracts.qa_predictions import QuestionInput
from core.contracts.values import MTOD, QA
from core.tasks.registry import task_spec


def test_batches_hold_at_most_the_items_of_a_request() -> None:
    inputs = [Utterance(text=f"text {number}") for number in range(7)]
    sizes = [len(batch) for batch in batches(inputs, task_spec(MTOD), Limits(max_utterances=3))]
    assert sizes == [3, 3, 1]


@pytest.mark.parametrize(
    ("lengths", "sizes"), [([4, 4, 4], [2, 1]), ([9, 1, 1], [2, 1]), ([10, 10], [1, 1]), ([12, 1], [1, 1])]
)
def test_batches_of_questions_hold_at_most_the_characters_of_a_request(
    lengths: list[int], sizes: list[int]
) -> None:
    inputs = [QuestionInput(question="?", context="x" * length) for length in lengths]
    result = list(batches(inputs, task_spec(QA), Limits(max_context_characters=10)))
    assert [len(batch) for batch in result] == sizes
    assert [item for batch in result for item in batch] == inputs
