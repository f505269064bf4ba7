"""The mirror follows every signal and says so, once, when one has gone stale."""

import math

from hil_tests.support import eventually
from testbed.clock import SystemClock
from testbed.signals import Quality, Sample, Signal
from testbed.twin import Mirror

FAST = Signal(0, "fan", "speed", "rpm", period_ns=10_000_000)
QUIET = Signal(1, "door", "open")


async def test_it_holds_the_newest_sample_and_the_last_good_value():
    clock = SystemClock()
    mirror = Mirror([FAST, QUIET], clock, lambda sample: None)
    assert mirror.readings[0].last.quality is Quality.BAD
    good, bad = Sample(0, 10, 1500.0), Sample(0, 20, math.nan, Quality.BAD, "CRC mismatch")
    mirror.observe(good)
    mirror.observe(bad)
    assert (mirror.readings[0].last, mirror.readings[0].good) == (bad, good)
    assert mirror.readings[0].good_value == 1500.0
    assert math.isnan(mirror.readings[1].good_value)
    clock.close()


async def test_a_silent_signal_turns_bad_once_and_a_fresh_sample_makes_it_good_again():
    clock = SystemClock()
    said: list[Sample] = []

    def publish(sample: Sample) -> None:
        said.append(sample)
        mirror.observe(sample)

    mirror = Mirror([FAST, QUIET], clock, publish)
    mirror.start()
    mirror.observe(Sample(0, clock.now(), 1500.0))
    mirror.observe(Sample(1, clock.now(), 0.0))  # promises no rate, so it is never stale
    await eventually(lambda: said, "the stale sample")
    assert (said[0].signal, said[0].quality, said[0].value) == (0, Quality.BAD, 1500.0)
    assert said[0].reason.startswith("stale: no sample for")
    mirror.observe(Sample(0, clock.now(), 1490.0))
    assert mirror.readings[0].last.quality is Quality.GOOD
    mirror.stop()
    assert len(said) == 1
    clock.close()
