import io

from rich.console import Console

from app.cli.rendering.tables import calibration_line, marked_text, percent, plan_table, scores_table
from core.contracts.calibrations import Calibrated, Calibration
from core.contracts.predictions import PredictedSlot
from core.contracts.reports import AdaptPlan, Candidate, StagePlan
from core.contracts.values import Method
from tests.app.fake_service import evaluation, report


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


def told_of(intents: Calibrated, slots: Calibrated) -> str:
    given = report()
    made = given.result.model_copy(update={"calibration": Calibration(intents=intents, slots=slots)})
    return calibration_line(given.model_copy(update={"result": made})) or ""


def test_the_error_of_confidences_is_told_before_and_after() -> None:
    intents = Calibrated(temperature=1.62, examples=180, answers=180, ece_before=0.081, ece_after=0.023)
    slots = Calibrated(temperature=1.4, examples=180, answers=211, ece_before=0.05, ece_after=0.031)
    assert told_of(intents, slots) == (
        "confidence: intents off by 8.1 %, calibrated 2.3 % (temperature 1.62, 180 held-out utterances); "
        "slots off by 5.0 %, calibrated 3.1 % (temperature 1.40, 180 held-out utterances)"
    )


def test_confidences_that_could_not_be_calibrated_say_why() -> None:
    few = Calibrated(examples=24, note="24 held-out utterances; calibration needs 50")
    assert told_of(few, few) == (
        "confidence: as the model has it (24 held-out utterances; calibration needs 50)"
    )


def test_confidences_of_one_kind_alone_may_lack_examples() -> None:
    intents = Calibrated(temperature=1.62, examples=60, answers=60, ece_before=0.081, ece_after=0.023)
    few = Calibrated(examples=60, note="12 held-out slots; calibration needs 50")
    assert told_of(intents, few).endswith(
        "; slots at temperature 1.00, 12 held-out slots; calibration needs 50"
    )


def test_of_a_report_without_calibration_nothing_is_told() -> None:
    assert calibration_line(report()) is None


def test_a_plan_shows_no_zeros_for_what_a_stage_has_not() -> None:
    stage = StagePlan(name="fine-tune", steps=60, examples=96)
    plan = AdaptPlan(method=Method.FT, train=96, evaluation=24, stages=(stage,))
    row = next(line for line in shown(plan_table(plan)).splitlines() if "fine-tune" in line)
    assert row.split() == ["│", "fine-tune", "│", "60", "│", "96", "│", "│", "│", "│"]
