import math
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.examples import DatasetManifest, MtodExample
from core.contracts.hyperparameters import (
    FineTuneSettings,
    Hyperparameters,
    MetaSettings,
    Schedule,
)
from core.contracts.reports import AdaptPlan
from core.contracts.values import MTOD, Method
from core.errors import InvalidInput
from core.tasks.data_split import Split
from core.tasks.mtod.data_split import MtodDataSplitter
from core.training.planning import Planner

SOURCE = {"alarm": 500, "weather": 500, "reminder": 500}
SETTINGS = Hyperparameters(
    fine_tune=FineTuneSettings(min_steps=1, epochs=2, batch_size=10),
    meta=MetaSettings(meta_train_steps=12, meta_adapt_steps=4, meta_batch_size=3, k_shot=5, q_shot=2),
)


def examples(**counts: int) -> list[MtodExample]:
    """Return a number of examples for each intent, all with distinct texts."""
    return [
        MtodExample(text=f"{intent} number {index}", intent=intent)
        for intent, count in counts.items()
        for index in range(count)
    ]


def split_of(evaluation: list[MtodExample] | None = None, **counts: int) -> Split[MtodExample]:
    return MtodDataSplitter().split(examples(**counts), evaluation, fraction=0.2, seed=1)


def planner(
    split: Split[MtodExample], source: Mapping[str, int] = SOURCE, settings: Hyperparameters = SETTINGS
) -> Planner[MtodExample]:
    manifest = DatasetManifest(
        dataset_id="source", task=MTOD, language="en", examples=9, intents=dict(source)
    )
    return Planner(MtodDataSplitter(), split, manifest, settings)


def plan_of(
    split: Split[MtodExample],
    method: Method = Method.X_METRA_ADA,
    source: Mapping[str, int] = SOURCE,
    settings: Hyperparameters = SETTINGS,
) -> AdaptPlan:
    return planner(split, source, settings).plan(method)


def test_planning_does_not_import_torch() -> None:
    program = "import sys, core.training.planning, core.tasks.registry; print('torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "False"


counts = st.dictionaries(st.sampled_from(["alarm", "weather", "reminder"]), st.integers(1, 30), min_size=1)


@given(counts, st.floats(0.01, 0.99), st.integers(0, 2**31 - 1))
def test_split_keeps_evaluation_disjoint_from_pools(
    sizes: dict[str, int], fraction: float, seed: int
) -> None:
    everything = examples(**sizes)
    if max(sizes.values()) < 3:
        with pytest.raises(InvalidInput):
            MtodDataSplitter().split(everything, None, fraction=fraction, seed=seed)
        return
    split = MtodDataSplitter().split(everything, None, fraction=fraction, seed=seed)
    pooled = {split.train[index].text for index in (*split.pools.meta_train, *split.pools.meta_adapt)}
    evaluation = {example.text for example in split.evaluation}
    assert evaluation
    assert not pooled & evaluation
    assert pooled | evaluation == {example.text for example in everything}


def test_split_uses_given_evaluation_examples_unchanged() -> None:
    given_examples = examples(news=2)
    split = split_of(given_examples, alarm=4)
    assert split.evaluation == tuple(given_examples)
    assert split.train == tuple(examples(alarm=4))


def test_split_rejects_data_too_small_to_hold_out_and_names_the_remedy() -> None:
    with pytest.raises(InvalidInput, match=r"no intent has 3 different texts.*send `evaluation`"):
        split_of(alarm=2, weather=2)


def test_split_reports_every_fault_of_too_little_data() -> None:
    with pytest.raises(InvalidInput) as caught:
        split_of(alarm=1)
    assert [fault.pointer for fault in caught.value.faults] == ["/examples", "/examples"]
    assert "1 example is too little" in caught.value.faults[1].detail


def test_plan_of_x_metra_ada_has_two_stages_with_their_pools() -> None:
    plan = plan_of(split_of(examples(alarm=1, weather=1), alarm=40, weather=40))
    train, adapt = plan.stages
    assert (train.name, train.steps, train.episodes, train.examples) == ("meta-train", 12, 36, 60)
    assert (adapt.name, adapt.steps, adapt.episodes, adapt.examples) == ("meta-adapt", 4, 12, 20)
    assert {(stage.k_shot, stage.q_shot) for stage in plan.stages} == {(5, 2)}
    assert (plan.train, plan.evaluation, plan.method) == (80, 2, Method.X_METRA_ADA)


def test_plan_of_fine_tuning_has_one_stage_over_all_examples() -> None:
    (stage,) = plan_of(split_of(examples(alarm=1), alarm=25), Method.FT).stages
    assert (stage.name, stage.steps, stage.examples, stage.episodes) == ("fine-tune", 6, 25, 0)


def test_plan_of_x_metra_has_one_stage_over_all_examples() -> None:
    (stage,) = plan_of(split_of(examples(alarm=1, weather=1), alarm=40, weather=40), Method.X_METRA).stages
    assert (stage.name, stage.steps, stage.episodes, stage.examples) == ("meta-train", 12, 36, 80)


def test_costs_of_joint_training_are_twice_those_of_fine_tuning() -> None:
    joint_planner = planner(split_of(examples(alarm=1), alarm=25))
    assert joint_planner.steps(Method.FT_EN) == {"fine-tune with source": 6}
    assert joint_planner.costs(Method.FT_EN) == {
        "fine-tune with source": 2 * joint_planner.costs(Method.FT)["fine-tune"]
    }


def test_plan_of_best_has_all_contenders_and_a_selection_warning() -> None:
    split = split_of(examples(alarm=1), alarm=40)
    plan = plan_of(split, Method.BEST)
    assert [stage.name for stage in plan.stages] == [
        "fine-tune",
        "fine-tune with source",
        "meta-train",
        "meta-adapt",
    ]
    assert [warning for warning in plan.warnings if "the best of 3" in warning]


def test_plan_of_interleaved_schedule_is_a_single_stage() -> None:
    meta = SETTINGS.meta.model_copy(update={"schedule": Schedule.INTERLEAVED})
    interleaved_planner = planner(
        split_of(examples(alarm=1), alarm=40), settings=SETTINGS.model_copy(update={"meta": meta})
    )
    assert interleaved_planner.steps(Method.X_METRA_ADA) == {"meta-train with meta-adapt": 12}
    assert interleaved_planner.costs(Method.X_METRA_ADA) == {"meta-train with meta-adapt": 36.0 * 2 * (5 + 2)}
    assert interleaved_planner.steps(Method.X_METRA) == {"meta-train": 12}


def test_plan_fine_tunes_first_when_source_lacks_an_intent() -> None:
    plan = plan_of(split_of(examples(alarm=1, news=1), alarm=8, news=8))
    assert [stage.name for stage in plan.stages] == ["fine-tune", "meta-train", "meta-adapt"]
    assert any(
        "no examples of news" in warning and "fine-tuning stage comes first" in warning
        for warning in plan.warnings
    )


def test_plan_is_fine_tuning_only_when_no_intent_is_shared() -> None:
    plan = plan_of(split_of(examples(news=1, sport=1), news=8, sport=2))
    assert [stage.name for stage in plan.stages] == ["fine-tune"]
    assert any("nothing to meta-learn from" in warning for warning in plan.warnings)
    assert not any("both stages" in warning or "comes first" in warning for warning in plan.warnings)


def test_plan_has_no_warnings_for_clean_data() -> None:
    evaluation = [
        example.model_copy(update={"text": example.text + "!"})
        for example in examples(alarm=1, weather=1, reminder=1)
    ]
    assert plan_of(split_of(evaluation, alarm=40, weather=40, reminder=40)).warnings == ()


def test_plan_warns_of_every_problem_of_the_data() -> None:
    evaluation = examples(alarm=2)
    warnings = plan_of(split_of(evaluation, alarm=40, weather=3)).warnings
    assert len(warnings) == 4
    repeated, absent, unmeasured, shared = warnings
    assert repeated.startswith("2 of the evaluation's texts are among the training examples")
    assert absent.startswith("no examples of reminder")
    assert unmeasured.startswith("nothing held out of weather")
    assert shared.startswith("fewer than 40 training examples of weather")


def test_plan_warning_truncates_long_lists_of_intents() -> None:
    source = {f"intent{index}": 9 for index in range(12)} | {"alarm": 9}
    (warning,) = plan_of(split_of(examples(alarm=1), alarm=40), source=source).warnings[1:]
    assert "and 7 more intents" in warning


def test_plan_estimates_seconds_from_seconds_per_example() -> None:
    split = split_of(examples(alarm=30), alarm=25)
    plan = planner(split).plan(Method.FT, seconds_per_example=0.5)
    # Six steps of ten examples, and thirty held-out ones predicted twice at a third of the cost.
    assert plan.estimated_seconds == pytest.approx(0.5 * (60 + 20))
    assert plan_of(split).estimated_seconds is None


def test_plan_estimate_includes_tuning_trials() -> None:
    split = split_of(examples(alarm=30), alarm=25)
    tuned = SETTINGS.model_copy(update={"tune": True})
    plain, longer = (
        planner(split, settings=settings).plan(Method.FT, seconds_per_example=0.5).estimated_seconds
        for settings in (SETTINGS, tuned)
    )
    assert plain is not None
    assert longer is not None
    assert longer > 2 * plain


@given(counts, st.sampled_from([method for method in Method if method.contenders == (method,)]))
def test_costs_cover_exactly_the_planned_stages(sizes: dict[str, int], method: Method) -> None:
    split = MtodDataSplitter().split(
        examples(alarm=2, **{k: v for k, v in sizes.items() if k != "alarm"}),
        [*examples(alarm=1)],
        fraction=0.2,
        seed=1,
    )
    costs = planner(split).costs(method)
    assert list(costs) == [stage.name for stage in plan_of(split, method).stages]
    assert min(costs.values()) > 0


def test_costs_of_an_episode_are_limited_by_available_examples() -> None:
    split = split_of(examples(alarm=1), alarm=8)
    costs = planner(split).costs(Method.X_METRA_ADA)
    assert costs == {"meta-train": 36.0 * (5 + 2), "meta-adapt": 12.0 * (5 + 2)}
    poor = planner(split, {"alarm": 3}).costs(Method.X_METRA_ADA)
    assert poor["meta-train"] == 36.0 * (3 + 2)


def test_steps_follow_from_query_passes_by_default() -> None:
    meta = MetaSettings(query_passes=6, min_steps=1, meta_batch_size=2, k_shot=3, q_shot=3)
    settings = SETTINGS.model_copy(update={"meta": meta})
    split = split_of(examples(alarm=1, weather=1), alarm=40, weather=40)
    steps = planner(split, settings=settings).steps(Method.X_METRA_ADA)
    # Meta-train: 60 examples 6 times, meta-adapt: 20 examples 6 times; 2 × (3 + 3) a step.
    assert steps == {"meta-train": 30, "meta-adapt": 10}


def test_steps_increase_when_a_scarce_intent_skips_episodes() -> None:
    meta = MetaSettings(query_passes=6, min_steps=1, k_shot=3, q_shot=3)
    settings = SETTINGS.model_copy(update={"meta": meta})
    split = split_of(examples(alarm=1), alarm=40, reminder=40, weather=4)
    steps = planner(split, settings=settings).steps(Method.X_METRA_ADA)
    # 30 + 30 + 4 examples 6 times; 3 + 3 queries a step, and 3 of weather in every 30 / 4.
    assert steps["meta-train"] == math.ceil(64 * 6 / (6 + 3 * 4 / 30))


@pytest.mark.parametrize(("few", "adapt_steps"), [(4, 100), (40, 34)])
def test_steps_of_small_pools_respect_min_steps(few: int, adapt_steps: int) -> None:
    settings = SETTINGS.model_copy(update={"meta": MetaSettings(min_steps=100)})
    split = split_of(examples(alarm=1), alarm=few)
    steps = planner(split, settings=settings).steps(Method.X_METRA_ADA)
    assert steps == {"meta-train": 100, "meta-adapt": adapt_steps}


def test_shots_default_to_a_value_from_the_number_of_intents() -> None:
    settings = SETTINGS.model_copy(update={"meta": MetaSettings(q_shot=2)})
    plan = plan_of(split_of(examples(alarm=1), alarm=9, weather=9, reminder=9), settings=settings)
    assert {(stage.k_shot, stage.q_shot) for stage in plan.stages} == {(4, 2)}


def test_steps_equal_the_steps_of_the_plan() -> None:
    split = split_of(examples(alarm=1, news=1), alarm=8, news=8)
    steps = planner(split).steps(Method.X_METRA_ADA)
    assert steps == {stage.name: stage.steps for stage in plan_of(split).stages}
