"""Windows: every token is in one, neighbours share what they should, and the best is learnt from."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.qa.windows import context_windows, training_window

contexts = st.integers(0, 500)
rooms = st.integers(1, 60)
overlaps = st.integers(0, 70)


@given(contexts, rooms, overlaps)
def test_windows_hold_every_token_in_order(tokens: int, room: int, overlap: int) -> None:
    windows = context_windows(tokens, room=room, overlap=overlap)

    assert {token for window in windows for token in window} == set(range(tokens))
    assert [window.start for window in windows] == sorted({window.start for window in windows})


@given(contexts, rooms, overlaps)
def test_all_windows_but_the_last_are_full_and_none_is_needless(tokens: int, room: int, overlap: int) -> None:
    *others, last = context_windows(tokens, room=room, overlap=overlap)

    assert all(len(window) == room for window in others)
    assert len(last) <= room
    assert last.stop == tokens
    assert all(window.stop < tokens for window in others)


@given(contexts, rooms, overlaps)
def test_neighbours_share_the_overlap_where_there_is_room_for_it(
    tokens: int, room: int, overlap: int
) -> None:
    windows = context_windows(tokens, room=room, overlap=overlap)

    for one, following in pairwise(windows):
        assert one.stop - following.start == min(overlap, room - 1)


@given(st.integers(1, 500), st.integers(2, 60), st.data())
def test_every_span_of_no_more_than_the_overlap_is_whole_in_some_window(
    tokens: int, room: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(1, room - 1))
    first = data.draw(st.integers(0, tokens - 1))
    last = min(tokens, first + overlap) - 1

    windows = context_windows(tokens, room=room, overlap=overlap)

    assert any(first in window and last in window for window in windows)


def test_windows_are_those_of_hugging_face_with_a_stride_of_128() -> None:
    windows = context_windows(800, room=361, overlap=128)

    assert windows == (range(361), range(233, 594), range(466, 800))


def test_a_context_that_fits_has_one_window_even_if_it_is_empty() -> None:
    assert context_windows(10, room=10, overlap=3) == (range(10),)
    assert context_windows(11, room=10, overlap=3) == (range(10), range(7, 11))
    assert context_windows(0, room=10, overlap=3) == (range(0),)


WINDOWS = context_windows(40, room=20, overlap=10)  # 0-19, 10-29, 20-39


@pytest.mark.parametrize(
    ("first", "last", "chosen"),
    [
        (2, 3, range(20)),  # only one has it
        (11, 12, range(20)),  # 7 tokens after it, against 1 before it
        (17, 18, range(10, 30)),  # 7 before it, against 1 after it
        (14, 15, range(20)),  # 4 on the nearer side in both: the first
        (5, 25, range(20)),  # in none as a whole: the one with its beginning
        (15, 35, range(10, 30)),  # … and with the most of it
        (39, 39, range(20, 40)),
    ],
)
def test_an_answer_is_learnt_from_the_window_with_most_context_on_its_nearer_side(
    first: int, last: int, chosen: range
) -> None:
    assert training_window(WINDOWS, first, last) == chosen


@given(contexts.filter(bool), rooms, overlaps, st.data())
def test_the_window_to_learn_from_holds_the_whole_answer_if_any_does(
    tokens: int, room: int, overlap: int, data: st.DataObject
) -> None:
    windows = context_windows(tokens, room=room, overlap=overlap)
    first = data.draw(st.integers(0, tokens - 1))
    last = data.draw(st.integers(first, tokens - 1))

    chosen = training_window(windows, first, last)

    assert first in chosen
    assert last in chosen or not any(first in window and last in window for window in windows)
