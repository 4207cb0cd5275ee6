import io

from rich.console import Console

from app.cli.rendering.tables import (
    calibration_line,
    documents_table,
    percent,
    plan_table,
    predictions_table,
    scores_table,
    slot_markup,
)
from tests.app import fake_service
from xmetra_client.models import (
    AdaptPlan,
    Calibrated,
    Calibration,
    Candidate,
    MtodEvaluation,
    MtodPrediction,
    PredictedSlot,
    Report,
    StagePlan,
)


def slot(name: str, start: int, end: int) -> PredictedSlot:
    return PredictedSlot(slot=name, value="", start=start, end=end, confidence=1.0)


def evaluation(intent_accuracy: float, slot_f1: float) -> MtodEvaluation:
    return MtodEvaluation.model_validate(fake_service.evaluation(intent_accuracy, slot_f1).model_dump())


def report() -> Report:
    return Report.model_validate(fake_service.report().model_dump())


def render(renderable: object) -> str:
    """Return what a console of 120 columns prints."""
    console = Console(file=io.StringIO(), width=120)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_slot_markup_brackets_slots_at_their_offsets() -> None:
    text = "pon una alarma mañana en 🏠 casa"
    markup = slot_markup(text, [slot("datetime", 15, 21), slot("location", 25, 31)])
    assert markup.plain == "pon una alarma [mañana · datetime] en [🏠 casa · location]"


def test_slot_markup_does_not_interpret_brackets_of_the_utterance() -> None:
    assert render(slot_markup("[bold]x[/]", [])).rstrip() == "[bold]x[/]"


def test_predictions_table_does_not_interpret_brackets_of_an_intent() -> None:
    intent = {"name": "[red]/stop", "confidence": 0.5}
    document = fake_service.prediction("hola") | {"intent": intent, "intent_ranking": [intent]}
    assert "[red]/stop" in render(predictions_table([MtodPrediction.model_validate(document)]))


def test_documents_table_does_not_interpret_brackets() -> None:
    assert "[red]x[/]" in render(documents_table([{"[bold]field": "[red]x[/]"}]))


def test_percent_formats_a_rate() -> None:
    assert percent(0.98571) == "98.6 %"


def test_scores_table_lists_the_models_in_order() -> None:
    base = Candidate(name="zero-shot base", evaluation=evaluation(0.6, 0.3))
    adapted = Candidate(name="x-metra-ada", evaluation=evaluation(0.95, 0.9), train_seconds=31.4)
    lines = render(scores_table([base, adapted])).splitlines()
    assert "60.0 %" in lines[3]
    assert "31 s" in lines[4]


def calibration_of(intents: Calibrated, slots: Calibrated) -> str:
    """Return the calibration line of a report with these calibrations."""
    uncalibrated = report()
    calibration = Calibration(intents=intents, slots=slots)
    result = uncalibrated.result.model_copy(update={"calibration": calibration})
    return calibration_line(uncalibrated.model_copy(update={"result": result})) or ""


def test_calibration_line_shows_the_error_before_and_after() -> None:
    intents = Calibrated(temperature=1.62, examples=180, answers=180, ece_before=0.081, ece_after=0.023)
    slots = Calibrated(temperature=1.4, examples=180, answers=211, ece_before=0.05, ece_after=0.031)
    assert calibration_of(intents, slots) == (
        "confidence: intents off by 8.1 %, calibrated 2.3 % (temperature 1.62, 180 held-out utterances); "
        "slots off by 5.0 %, calibrated 3.1 % (temperature 1.40, 180 held-out utterances)"
    )


def test_calibration_line_states_the_reason_when_nothing_was_calibrated() -> None:
    few = Calibrated(examples=24, note="24 held-out utterances; calibration needs 50")
    assert calibration_of(few, few) == (
        "confidence: not calibrated (24 held-out utterances; calibration needs 50)"
    )


def test_calibration_line_states_the_reason_when_only_slots_lack_examples() -> None:
    intents = Calibrated(temperature=1.62, examples=60, answers=60, ece_before=0.081, ece_after=0.023)
    few = Calibrated(examples=60, note="12 held-out slots; calibration needs 50")
    assert calibration_of(intents, few).endswith(
        "; slots at temperature 1.00, 12 held-out slots; calibration needs 50"
    )


def test_calibration_line_is_none_without_calibration() -> None:
    assert calibration_line(report()) is None


def test_plan_table_leaves_cells_empty_when_a_number_does_not_apply() -> None:
    stage = StagePlan(name="fine-tune", steps=60, examples=96)
    plan = AdaptPlan(method="ft", train=96, evaluation=24, stages=[stage])
    row = next(line for line in render(plan_table(plan)).splitlines() if "fine-tune" in line)
    assert row.split() == ["│", "fine-tune", "│", "60", "│", "96", "│", "│", "│", "│"]
