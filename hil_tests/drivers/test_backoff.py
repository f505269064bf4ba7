import random

from hypothesis import given
from hypothesis import strategies as st

from testbed.drivers.backoff import Backoff


@given(st.integers())
def test_waits_grow_twofold_up_to_five_seconds_and_are_never_too_short(seed: int) -> None:
    backoff = Backoff(random.Random(seed))
    for attempt in range(20):
        assert 0.1 <= backoff.next() <= min(max(0.1, 0.1 * 2**attempt), 5.0)


@given(st.integers())
def test_after_a_success_the_first_wait_is_short_again(seed: int) -> None:
    backoff = Backoff(random.Random(seed))
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() == 0.1


def test_given_many_devices_then_they_do_not_retry_in_step() -> None:
    backoffs = [Backoff(random.Random(seed)) for seed in range(100)]
    waits = [[backoff.next() for _ in range(8)][-1] for backoff in backoffs]
    assert len({round(wait, 3) for wait in waits}) > 90
    assert max(waits) - min(waits) > 3.0


def test_given_the_same_seed_then_the_waits_are_the_same() -> None:
    first, second = Backoff(random.Random(7)), Backoff(random.Random(7))
    assert [first.next() for _ in range(8)] == [second.next() for _ in range(8)]
