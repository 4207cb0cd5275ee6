"""Test windows over contexts, and the choice of the training window."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tasks.qa.windows import context_windows, training_window

contexts = st.integers(0, 500)
rooms = st.integers(1, 60)
overlaps = st.integers(0, 70)


@given(contexts, rooms, overlaps)
def test_windows_cover_all_tokens_in_order(tokens: int, room: int, overlap: int) -> None:
    windows = context_windows(tokens, room=room, overlap=overlap)

    assert {token for window in windows for token in window} == set(range(tokens))
    assert [window.start for window in windows] == sorted({window.start for window in windows})


@given(contexts, rooms, overlaps)
def test_windows_are_full_except_last(tokens: int, room: int, overlap: int) -> None:
    *others, last = context_windows(tokens, room=room, overlap=overlap)

    assert all(len(window) == room for window in others)
    assert len(last) <= room
    assert last.stop == tokens
    assert all(window.stop < tokens for window in others)


@given(contexts, rooms, overlaps)
def test_neighbouring_windows_share_overlap(tokens: int, room: int, overlap: int) -> None:
    windows = context_windows(tokens, room=room, overlap=overlap)

    for window, following in pairwise(windows):
        assert window.stop - following.start == min(overlap, room - 1)


@given(st.integers(1, 500), st.integers(2, 60), st.data())
def test_span_of_at_most_overlap_is_within_a_window(tokens: int, room: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, room - 1))
    first = data.draw(st.integers(0, tokens - 1))
    last = min(tokens, first + overlap) - 1

    windows = context_windows(tokens, room=room, overlap=overlap)

    assert any(first in window and last in window for window in windows)


def test_windows_match_hugging_face_stride_of_128() -> None:
    windows = context_windows(800, room=361, overlap=128)

    assert windows == (range(361), range(233, 594), range(466, 800))


def test_context_that_fits_has_one_window() -> None:
    assert context_windows(10, room=10, overlap=3) == (range(10),)
    assert context_windows(11, room=10, overlap=3) == (range(10), range(7, 11))
    assert context_windows(0, room=10, overlap=3) == (range(0),)


WINDOWS = context_windows(40, room=20, overlap=10)  # 0-19, 10-29, 20-39


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (2, 3, range(20)),  # only this one contains it
        (11, 12, range(20)),  # 7 tokens after it, against 1 before it
        (17, 18, range(10, 30)),  # 7 before it, against 1 after it
        (14, 15, range(20)),  # 4 on the nearer side in both: the first
        (5, 25, range(20)),  # in none as a whole: the one with its start
        (15, 35, range(10, 30)),  # … and the largest part of it
        (39, 39, range(20, 40)),
    ],
)
def test_training_window_has_most_context_on_shorter_side(first: int, last: int, expected: range) -> None:
    assert training_window(WINDOWS, first, last) == expected


@given(contexts.filter(bool), rooms, overlaps, st.data())
def test_training_window_contains_whole_answer_if_any_does(
    tokens: int, room: int, overlap: int, data: st.DataObject
) -> None:
    windows = context_windows(tokens, room=room, overlap=overlap)
    first = data.draw(st.integers(0, tokens - 1))
    last = data.draw(st.integers(first, tokens - 1))

    selected = training_window(windows, first, last)

    assert first in selected
    assert last in selected or not any(first in window and last in window for window in windows)
