from hypothesis import given
from hypothesis import strategies as st

from core.tasks.shots import side_sizes

shots = st.integers(1, 8)


@given(st.integers(0, 40), shots, shots)
def test_each_side_gets_its_shots_or_half_of_what_there_is(available: int, k_shot: int, q_shot: int) -> None:
    given_k, given_q = side_sizes(available, k_shot, q_shot)
    assert given_k + given_q <= available
    if available >= k_shot + q_shot:
        assert (given_k, given_q) == (k_shot, q_shot)
    else:
        assert given_k <= k_shot
        assert given_q <= q_shot
        assert available < 2 or min(given_k, given_q) >= 1
