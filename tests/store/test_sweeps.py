"""Looking costs more than writing: how often is it time?"""

from hypothesis import given
from hypothesis import strategies as st

from dragoman.store.sweeps import Sweeps


@given(st.integers(1, 10_000), st.lists(st.integers(0, 2_000), max_size=600))
def test_never_more_than_a_part_goes_unseen(limit: int, sizes: list[int]) -> None:
    sweeps, unseen, writes = Sweeps(limit), 0, 0
    for size in sizes:
        if sweeps.due(size):
            unseen = writes = 0
        else:
            unseen, writes = unseen + size, writes + 1
        assert unseen <= limit / 32
        assert writes < 256


def test_not_at_every_write() -> None:
    sweeps = Sweeps(3200)
    assert [sweeps.due(40) for _ in range(6)] == [False, False, True, False, False, True]
