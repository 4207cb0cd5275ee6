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
from core.contracts.values import Method, TaskName
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
    """Return so many examples of each intent, all with texts of their own."""
    return [
        MtodExample(text=f"{intent} number {index}", intent=intent)
        for intent, count in counts.items()
        for index in range(count)
    ]


def parted(evaluation: list[MtodExample] | None = None, **counts: int) -> Split[MtodExample]:
    return MtodDataSplitter().split(examples(**counts), evaluation, fraction=0.2, seed=1)


def planner(
    split: Split[MtodExample], source: Mapping[str, int] = SOURCE, settings: Hyperparameters = SETTINGS
) -> Planner[MtodExample]:
    manifest = DatasetManifest(
        dataset_id="source", task=TaskName.MTOD, language="en", examples=9, intents=dict(source)
    )
    return Planner(MtodDataSplitter(), split, manifest, settings)


def planned(
    split: Split[MtodExample],
    method: Method = Method.X_METRA_ADA,
    source: Mapping[str, int] = SOURCE,
    settings: Hyperparameters = SETTINGS,
) -> AdaptPlan:
    return planner(split, source, settings).plan(method)


def test_planning_needs_no_torch() -> None:
    program = "import sys, core.training.planning, core.tasks.registry; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


counts = st.dictionaries(st.sampled_from(["alarm", "weather", "reminder"]), st.integers(1, 30), min_size=1)


@given(counts, st.floats(0.01, 0.99), st.integers(0, 2**31 - 1))
def test_no_held_out_example_is_in_what_is_learnt_from_or_in_a_pool(
    sizes: dict[str, int], fraction: float, seed: int
) -> None:
    everything = examples(**sizes)
    if max(sizes.values()) < 3:
        with pytest.raises(InvalidInput):
            MtodDataSplitter().split(everything, None, fraction=fraction, seed=seed)
        return
    split = MtodDataSplitter().split(everything, None, fraction=fraction, seed=seed)
    drawn = {split.train[index].text for index in (*split.pools.meta_train, *split.pools.meta_adapt)}
    held = {one.text for one in split.evaluation}
    assert held
    assert not drawn & held
    assert drawn | held == {one.text for one in everything}


def test_evaluation_examples_that_are_given_are_used_as_they_are() -> None:
    given_examples = examples(news=2)
    split = parted(given_examples, alarm=4)
    assert split.evaluation == tuple(given_examples)
    assert split.train == tuple(examples(alarm=4))


def test_data_of_which_nothing_can_be_held_out_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInput, match=r"no intent has 3 different texts.*send `evaluation`"):
        parted(alarm=2, weather=2)


def test_too_little_to_learn_from_is_refused_and_every_fault_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        parted(alarm=1)
    assert [fault.pointer for fault in caught.value.faults] == ["/examples", "/examples"]
    assert "1 example is too little" in caught.value.faults[1].detail


def test_meta_learning_is_two_stages_with_their_pools() -> None:
    plan = planned(parted(examples(alarm=1, weather=1), alarm=40, weather=40))
    train, adapt = plan.stages
    assert (train.name, train.steps, train.episodes, train.examples) == ("meta-train", 12, 36, 60)
    assert (adapt.name, adapt.steps, adapt.episodes, adapt.examples) == ("meta-adapt", 4, 12, 20)
    assert {(stage.k_shot, stage.q_shot) for stage in plan.stages} == {(5, 2)}
    assert (plan.train, plan.evaluation, plan.method) == (80, 2, Method.X_METRA_ADA)


def test_fine_tuning_is_one_stage_over_all_the_examples() -> None:
    (stage,) = planned(parted(examples(alarm=1), alarm=25), Method.FT).stages
    assert (stage.name, stage.steps, stage.examples, stage.episodes) == ("fine-tune", 6, 25, 0)


def test_x_metra_is_one_stage_over_all_the_examples() -> None:
    (stage,) = planned(parted(examples(alarm=1, weather=1), alarm=40, weather=40), Method.X_METRA).stages
    assert (stage.name, stage.steps, stage.episodes, stage.examples) == ("meta-train", 12, 36, 80)


def test_joint_training_costs_twice_what_plain_training_does() -> None:
    on = planner(parted(examples(alarm=1), alarm=25))
    assert on.steps(Method.FT_EN) == {"fine-tune with source": 6}
    assert on.costs(Method.FT_EN) == {"fine-tune with source": 2 * on.costs(Method.FT)["fine-tune"]}


def test_the_best_of_three_is_planned_as_all_three_and_told_to_flatter() -> None:
    split = parted(examples(alarm=1), alarm=40)
    plan = planned(split, Method.BEST)
    assert [stage.name for stage in plan.stages] == [
        "fine-tune",
        "fine-tune with source",
        "meta-train",
        "meta-adapt",
    ]
    assert [one for one in plan.warnings if "the best of 3" in one]


def test_interleaved_stages_are_one_with_an_episode_of_each_a_step() -> None:
    meta = SETTINGS.meta.model_copy(update={"schedule": Schedule.INTERLEAVED})
    on = planner(parted(examples(alarm=1), alarm=40), settings=SETTINGS.model_copy(update={"meta": meta}))
    assert on.steps(Method.X_METRA_ADA) == {"meta-train with meta-adapt": 12}
    assert on.costs(Method.X_METRA_ADA) == {"meta-train with meta-adapt": 36.0 * 2 * (5 + 2)}
    assert on.steps(Method.X_METRA) == {"meta-train": 12}


def test_an_intent_the_source_does_not_have_is_learnt_plainly_first() -> None:
    plan = planned(parted(examples(alarm=1, news=1), alarm=8, news=8))
    assert [stage.name for stage in plan.stages] == ["fine-tune", "meta-train", "meta-adapt"]
    assert any(
        "no examples of news" in one and "fine-tuning stage comes first" in one for one in plan.warnings
    )


def test_without_any_intent_in_common_there_is_only_fine_tuning_and_it_is_told() -> None:
    plan = planned(parted(examples(news=1, sport=1), news=8, sport=2))
    assert [stage.name for stage in plan.stages] == ["fine-tune"]
    assert any("nothing to meta-learn from" in one for one in plan.warnings)
    assert not any("both stages" in one or "comes first" in one for one in plan.warnings)


def test_a_clean_plan_has_no_warnings() -> None:
    held = [
        one.model_copy(update={"text": one.text + "!"}) for one in examples(alarm=1, weather=1, reminder=1)
    ]
    assert planned(parted(held, alarm=40, weather=40, reminder=40)).warnings == ()


def test_everything_odd_about_the_data_is_told() -> None:
    held = examples(alarm=2)
    warnings = planned(parted(held, alarm=40, weather=3)).warnings
    assert len(warnings) == 4
    repeated, absent, unmeasured, shared = warnings
    assert repeated.startswith("2 of the evaluation's texts are among the training examples")
    assert absent.startswith("no examples of reminder")
    assert unmeasured.startswith("nothing held out of weather")
    assert shared.startswith("fewer than 40 training examples of weather")


def test_a_long_list_of_intents_is_cut_but_counted() -> None:
    source = {f"intent{index}": 9 for index in range(12)} | {"alarm": 9}
    (told,) = planned(parted(examples(alarm=1), alarm=40), source=source).warnings[1:]
    assert "and 7 more intents" in told


def test_the_time_is_estimated_from_what_the_base_took_for_an_example() -> None:
    split = parted(examples(alarm=30), alarm=25)
    plan = planner(split).plan(Method.FT, seconds_per_example=0.5)
    # Six steps of ten examples, and thirty held-out ones answered twice at a third of the price.
    assert plan.estimated_seconds == pytest.approx(0.5 * (60 + 20))
    assert planned(split).estimated_seconds is None


def test_the_estimate_counts_the_trials_of_tuned_settings() -> None:
    split = parted(examples(alarm=30), alarm=25)
    tuned = SETTINGS.model_copy(update={"tune": True})
    plain, longer = (
        planner(split, settings=one).plan(Method.FT, seconds_per_example=0.5).estimated_seconds
        for one in (SETTINGS, tuned)
    )
    assert plain is not None
    assert longer is not None
    assert longer > 2 * plain


@given(counts, st.sampled_from([one for one in Method if one.contenders == (one,)]))
def test_every_stage_that_is_planned_has_a_cost_and_no_other(sizes: dict[str, int], method: Method) -> None:
    split = MtodDataSplitter().split(
        examples(alarm=2, **{k: v for k, v in sizes.items() if k != "alarm"}),
        [*examples(alarm=1)],
        fraction=0.2,
        seed=1,
    )
    costs = planner(split).costs(method)
    assert list(costs) == [stage.name for stage in planned(split, method).stages]
    assert min(costs.values()) > 0


def test_an_episode_costs_its_support_and_its_query_but_never_more_than_there_is() -> None:
    split = parted(examples(alarm=1), alarm=8)
    costs = planner(split).costs(Method.X_METRA_ADA)
    assert costs == {"meta-train": 36.0 * (5 + 2), "meta-adapt": 12.0 * (5 + 2)}
    poor = planner(split, {"alarm": 3}).costs(Method.X_METRA_ADA)
    assert poor["meta-train"] == 36.0 * (3 + 2)


def test_without_a_number_of_steps_a_stage_asks_each_example_so_often() -> None:
    meta = MetaSettings(query_passes=6, min_steps=1, meta_batch_size=2, k_shot=3, q_shot=3)
    settings = SETTINGS.model_copy(update={"meta": meta})
    split = parted(examples(alarm=1, weather=1), alarm=40, weather=40)
    steps = planner(split, settings=settings).steps(Method.X_METRA_ADA)
    # Meta-train: 60 examples 6 times, meta-adapt: 20 examples 6 times; 2 × (3 + 3) a step.
    assert steps == {"meta-train": 30, "meta-adapt": 10}


def test_a_scarce_intent_that_sits_out_makes_episodes_smaller_and_steps_more() -> None:
    meta = MetaSettings(query_passes=6, min_steps=1, k_shot=3, q_shot=3)
    settings = SETTINGS.model_copy(update={"meta": meta})
    split = parted(examples(alarm=1), alarm=40, reminder=40, weather=4)
    steps = planner(split, settings=settings).steps(Method.X_METRA_ADA)
    # 30 + 30 + 4 examples 6 times; 3 + 3 queries a step, and 3 of weather in every 30 / 4.
    assert steps["meta-train"] == math.ceil(64 * 6 / (6 + 3 * 4 / 30))


@pytest.mark.parametrize(("few", "adapt_steps"), [(4, 100), (40, 34)])
def test_a_small_pool_gets_the_steps_it_needs_and_meta_adapt_its_share(few: int, adapt_steps: int) -> None:
    settings = SETTINGS.model_copy(update={"meta": MetaSettings(min_steps=100)})
    split = parted(examples(alarm=1), alarm=few)
    steps = planner(split, settings=settings).steps(Method.X_METRA_ADA)
    assert steps == {"meta-train": 100, "meta-adapt": adapt_steps}


def test_shots_nobody_asked_for_follow_from_the_number_of_intents() -> None:
    settings = SETTINGS.model_copy(update={"meta": MetaSettings(q_shot=2)})
    plan = planned(parted(examples(alarm=1), alarm=9, weather=9, reminder=9), settings=settings)
    assert {(stage.k_shot, stage.q_shot) for stage in plan.stages} == {(4, 2)}


def test_the_steps_of_a_plan_are_the_steps_that_are_taken() -> None:
    split = parted(examples(alarm=1, news=1), alarm=8, news=8)
    steps = planner(split).steps(Method.X_METRA_ADA)
    assert steps == {stage.name: stage.steps for stage in planned(split).stages}
