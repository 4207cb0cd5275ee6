import io

from rich.console import Console

from app.console.display import marked_text, percent, plan_table, scores_table
from core.contracts.predictions import PredictedSlot
from core.contracts.reports import AdaptPlan, Candidate, StagePlan
from core.contracts.values import Method
from tests.app.fake_service import evaluation


def slot(name: str, start: int, end: int) -> PredictedSlot:
    return PredictedSlot(slot=name, value="", start=start, end=end, confidence=1.0)


def shown(thing: object) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(thing)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_slots_are_marked_where_they_stand() -> None:
    text = "pon una alarma mañana en 🏠 casa"
    marked = marked_text(text, [slot("datetime", 15, 21), slot("location", 25, 31)])
    assert marked.plain == "pon una alarma [mañana · datetime] en [🏠 casa · location]"


def test_brackets_of_an_utterance_are_not_markup() -> None:
    assert shown(marked_text("[bold]x[/]", [])).rstrip() == "[bold]x[/]"


def test_a_rate_is_shown_in_percent() -> None:
    assert percent(0.98571) == "98.6 %"


def test_the_models_stand_side_by_side_with_the_made_one_last() -> None:
    base = Candidate(name="zero-shot base", evaluation=evaluation(0.6, 0.3))
    made = Candidate(name="x-metra-ada", evaluation=evaluation(0.95, 0.9), train_seconds=31.4)
    lines = shown(scores_table([base, made])).splitlines()
    assert "60.0 %" in lines[3]
    assert "31 s" in lines[4]


def test_a_plan_shows_no_zeros_for_what_a_stage_has_not() -> None:
    stage = StagePlan(name="fine-tune", steps=60, examples=96)
    plan = AdaptPlan(method=Method.FT, train=96, evaluation=24, stages=(stage,))
    row = next(line for line in shown(plan_table(plan)).splitlines() if "fine-tune" in line)
    assert row.split() == ["│", "fine-tune", "│", "60", "│", "96", "│", "│", "│", "│"]
