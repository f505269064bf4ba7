"""What counts as the same, what is named as the first difference, and what the answer holds."""

from __future__ import annotations

import json
import math

import pytest

from testbed.errors import UsageError
from testbed.links import Direction
from testbed.session.compare import Comparison, Kind, Rules, compare, read_tolerances, split_tolerance
from testbed.session.file import Frame
from testbed.signals import Command, Event, Level, Outcome, Quality, Sample, Signal, Verdict

from .memory import SECOND, SIGNALS, Memory, bad, curve

MS = 1_000_000
RAMP = curve(range(10), range(20, 30))


def rules(*tolerances: str, within_ms: int = 0, **more: object) -> Rules:
    return Rules(tuple(map(split_tolerance, tolerances)), within_ms * MS, **more)  # type: ignore[arg-type]


def command(time: float, value: float, requester: str = "loop hold", **more: object) -> Command:
    time_ns = round(time * SECOND)
    whole = {"verdict": Verdict.ALLOWED, "outcome": Outcome.ACKNOWLEDGED, "done_ns": time_ns + MS, **more}
    return Command(1, value, requester, time_ns, time_ns + SECOND, **whole)  # type: ignore[arg-type]


def frame(time: float, data: str, direction: Direction = Direction.RX, device: str = "probe") -> Frame:
    return Frame(round(time * SECOND), device, direction, bytes.fromhex(data))


def told(found: Comparison) -> tuple[str, str, list[str]]:
    """Return kind, name and what differs of the first difference."""
    assert found.first is not None
    json.dumps(found.as_dict(), allow_nan=False)
    return found.first.kind, found.first.name, found.first.differs


# Strict ---------------------------------------------------------------------------------------------


def test_the_same_records_are_the_same_whatever_day_they_were_recorded():
    later = [Sample(0, each.time_ns + 7 * SECOND, each.value) for each in RAMP]
    monday = Memory(RAMP)
    tuesday = Memory(later, span=(7 * SECOND, 107 * SECOND))
    assert compare(monday, tuesday).verdict == "same"
    found = compare(monday, tuesday, Rules(absolute=True))
    assert told(found) == (Kind.SAMPLES, "probe.temperature", ["time_s"])


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        (Sample(0, 4 * SECOND, 24.000000000000004), ["value"]),
        (Sample(0, 4 * SECOND + 1, 24.0), ["time_s"]),
        (Sample(0, 4 * SECOND, 24.0, Quality.UNCERTAIN, "no answer"), ["quality", "reason"]),
        (bad(4, "offline: pulled"), ["value", "quality", "reason"]),
    ],
)
def test_the_smallest_change_of_a_sample_is_found_and_named(changed: Sample, differs: list[str]):
    found = compare(Memory(RAMP), Memory([*RAMP[:4], changed, *RAMP[5:]]))
    assert told(found) == (Kind.SAMPLES, "probe.temperature", differs)
    assert found.first is not None
    assert found.first.place == 4
    assert found.first.time_ns == 4 * SECOND
    assert found.first.expected is not None
    assert found.first.expected["value"] == 24.0


def test_minus_zero_is_not_zero_and_nan_is_nan():
    zero, minus = curve([1], [0.0]), curve([1], [-0.0])
    nothing = [bad(1, "offline")]
    assert compare(Memory(zero), Memory(minus)).verdict == "diverged"
    assert compare(Memory(nothing), Memory(nothing)).verdict == "same"
    assert compare(Memory(nothing), Memory([bad(1, "stale")])).verdict == "diverged"


@pytest.mark.parametrize(("ours", "theirs", "differs"), [(10, 9, "missing"), (9, 10, "extra")])
def test_a_record_too_few_or_too_many_at_the_end_is_named(ours: int, theirs: int, differs: str):
    found = compare(Memory(RAMP[:ours]), Memory(RAMP[:theirs]))
    assert told(found) == (Kind.SAMPLES, "probe.temperature", [differs])
    assert found.first is not None
    assert found.first.place == 9
    assert (found.first.expected is None) == (differs == "extra")
    counts = found.as_dict()["signals"]["probe.temperature"]
    assert (counts["missing"], counts["extra"]) == ((1, 0) if differs == "missing" else (0, 1))


def test_around_a_difference_stand_five_records_before_and_five_after_of_both():
    ramp = curve(range(40), range(40))
    changed = [*ramp[:20], Sample(0, 20 * SECOND, -1.0), *ramp[21:]]
    found = compare(Memory(ramp), Memory(changed)).as_dict()["first"]
    for side in "ab":
        assert [record["record"] for record in found["around"][side]] == list(range(15, 26))
    assert found["around"]["b"][5]["value"] == -1.0


def test_the_first_difference_is_that_of_the_earliest_time_over_all_kinds():
    a = Memory(RAMP, [frame(3, "00")], [command(5, 1.0)])
    b = Memory(curve(range(10), [*range(20, 27), 0, 28, 29]), [frame(3, "00")], [command(5, 2.0)])
    assert told(compare(a, b)) == (Kind.COMMANDS, "heater.duty", ["value"])


def test_of_what_differs_at_one_time_the_cause_is_named():
    def run(byte: str, value: float, written: str) -> Memory:
        frames = [frame(5, byte), frame(5, written, Direction.TX, "heater")]
        return Memory(curve([5], [value]), frames, [command(5, value)])

    assert told(compare(run("01", 1, "01"), run("02", 2, "02")))[:2] == (Kind.FRAMES, "probe")
    # The bytes that came are the same: the command differs, and the bytes that it wrote.
    assert told(compare(run("01", 1, "01"), run("01", 1, "02")))[:2] == (Kind.FRAMES, "heater")
    changed = Memory(curve([5], [1]), run("01", 1, "02").frames_of, [command(5, 2)])
    assert told(compare(run("01", 1, "01"), changed))[:2] == (Kind.COMMANDS, "heater.duty")


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"outcome": Outcome.FAILED, "reason": "no answer"}, ["outcome", "reason"]),
        ({"verdict": Verdict.REFUSED}, ["verdict"]),
        ({"requester": "a test"}, ["requester"]),
        ({"done_ns": 5 * SECOND + 2 * MS}, ["done_s"]),
        ({"cause_ns": 1}, ["cause_s"]),
    ],
)
def test_every_fact_of_a_command_counts_when_it_is_strict(change: dict[str, object], differs: list[str]):
    found = compare(Memory((), (), [command(5, 1.0)]), Memory((), (), [command(5, 1.0, **change)]))
    assert told(found) == (Kind.COMMANDS, "heater.duty", differs)


def test_the_texts_of_events_do_not_count_but_their_kinds_do():
    def run(kind: str, text: str) -> Memory:
        return Memory(events_of=[Event(SECOND, Level.INFO, "probe", kind, text)])

    assert compare(run("online", "on /dev/ttyS1"), run("online", "on /dev/ttyS2")).verdict == "same"
    assert told(compare(run("online", ""), run("offline", "")))[2] == ["kind"]


def test_marks_of_a_link_are_compared_as_frames_are():
    lost = Memory((), [frame(1, "00"), frame(2, "", Direction.LOST)])
    assert told(compare(Memory((), [frame(1, "00")]), lost)) == (Kind.FRAMES, "probe", ["extra"])


def test_a_mask_takes_out_of_frames_what_is_not_to_be_compared():
    def without_first(device: str, direction: Direction, data: bytes) -> bytes:
        assert (device, direction) == ("probe", Direction.RX)
        return data[1:]

    a, b = Memory((), [frame(1, "01 aa")]), Memory((), [frame(1, "02 aa")])
    assert compare(a, b).verdict == "diverged"
    assert compare(a, b, Rules(mask=without_first)).verdict == "same"


def test_only_what_is_asked_for_is_compared_and_the_answer_says_what_was_not():
    a, b = Memory(RAMP, [frame(1, "01")]), Memory(RAMP, [frame(1, "02")])
    found = compare(a, b, Rules(kinds=frozenset({Kind.SAMPLES})))
    assert found.verdict == "same"
    assert found.as_dict()["compared"] == ["samples"]
    left_out = found.as_dict()["not_compared"]
    assert {"frames", "commands", "events", "texts of events", "timing of loop cycles"} <= set(left_out)


# By tolerances --------------------------------------------------------------------------------------


def noisy(shift: float, size: float) -> Memory:
    times = [each / 10 + shift for each in range(100)]
    values = [20 + math.sin(time) + size * (-1) ** at for at, time in enumerate(times)]
    return Memory(curve(times, values), span=(0, 10 * SECOND))


def test_values_within_tolerance_and_times_within_reach_are_the_same():
    a, b = noisy(0.0, 0.1), noisy(0.02, 0.2)
    assert compare(a, b, rules("*=0.4", within_ms=50)).verdict == "same"
    assert compare(a, b, rules("*=0.05", within_ms=30)).verdict == "diverged"
    assert compare(a, b, rules("*=0.4", within_ms=10)).verdict == "diverged"


def test_a_tolerance_is_absolute_or_relative_whichever_is_more():
    a, b = Memory(curve([1, 2], [1.0, 1000.0])), Memory(curve([1, 2], [1.4, 1009.0]))
    assert compare(a, b, rules("*=0.5,1%")).verdict == "same"
    assert told(compare(a, b, rules("*=0.5")))[2] == ["value"]
    assert told(compare(a, b, rules("*=,1%")))[2] == ["value"]


def test_a_tolerance_of_a_temperature_is_a_difference_of_temperatures():
    a, b = Memory(curve([1], [20.0])), Memory(curve([1], [20.9]))
    assert compare(a, b, rules("probe.temperature=1 K")).verdict == "same"
    assert compare(a, b, rules("probe.temperature=1 delta_degF")).verdict == "diverged"


def test_the_last_tolerance_that_fits_counts():
    a, b = Memory(curve([1], [20.0])), Memory(curve([1], [22.0]))
    assert compare(a, b, rules("probe.*=5", "*=1")).verdict == "diverged"
    assert compare(a, b, rules("*=1", "probe.*=5")).verdict == "same"


def test_an_ignored_signal_is_left_out_and_named():
    a, b = Memory(RAMP, (), [command(1, 1.0)]), Memory(RAMP, (), [command(1, 2.0)])
    found = compare(a, b, rules("heater.*=ignore"))
    assert found.verdict == "same"
    assert "heater.duty (ignore)" in found.left_out


def test_a_time_that_shifts_is_no_difference_within_reach_and_the_longest_shift_is_told():
    later = [Sample(0, each.time_ns + 3 * MS, each.value) for each in RAMP[1:]]
    a = Memory(RAMP[1:], (), [command(5, 1.0)])
    b = Memory(later, (), [command(5.004, 1.0, done_ns=0)])
    found = compare(a, b, rules(within_ms=5))
    assert found.verdict == "same"
    assert found.as_dict()["signals"]["probe.temperature"]["max_shift_s"] == 0.003
    assert found.as_dict()["commands"]["heater.duty"]["max_shift_s"] == 0.004
    assert told(compare(a, b, rules(within_ms=2)))[2] == ["missing"]


@pytest.mark.parametrize("how", [Rules(), rules("*=1", within_ms=1)])
def test_numbers_beyond_all_reckoning_are_compared_too(how: Rules):
    odd = curve(range(5), [math.inf, -math.inf, math.nan, 1e308, -1e308])
    assert compare(Memory(odd), Memory(odd), how).verdict == "same"
    turned = [Sample(0, each.time_ns, -each.value) for each in odd]
    found = compare(Memory(odd), Memory(turned), how)
    assert told(found)[:2] == (Kind.SAMPLES, "probe.temperature")


def test_commands_that_nothing_could_be_done_with_are_compared_too():
    refused = Command(0, math.nan, "a test", SECOND, SECOND, verdict=Verdict.REFUSED)  # to a sensor, no value
    infinite = Command(0, math.inf, "a test", SECOND, SECOND, verdict=Verdict.REFUSED)
    for how in (Rules(), rules("*=1", within_ms=1)):
        assert compare(Memory((), (), [refused]), Memory((), (), [refused]), how).verdict == "same"
        found = compare(Memory((), (), [refused]), Memory((), (), [infinite]), how)
        assert told(found)[:2] == (Kind.COMMANDS, "probe.temperature")


def test_a_good_sample_does_not_stand_for_a_bad_one():
    a, b = Memory([*RAMP, bad(10, "offline: pulled")]), Memory([*RAMP, *curve([10], [30.0])])
    found = compare(a, b, rules("*=1", within_ms=100))
    assert told(found) == (Kind.SAMPLES, "probe.temperature", ["missing"])
    other_reason = Memory([*RAMP, bad(10, "stale")])
    assert compare(a, other_reason, rules("*=1", within_ms=100)).verdict == "same"


def test_where_the_other_session_begins_or_ends_a_record_may_have_no_counterpart():
    longer = Memory(curve([0.01, 1, 1.99], [1, 1, 1]), span=(0, 2 * SECOND))
    shorter = Memory(curve([1], [1]), span=(0, 2 * SECOND))
    assert compare(longer, shorter, rules(within_ms=50)).verdict == "same"
    cut_short = Memory(curve([1], [1]), span=(0, SECOND))
    assert compare(longer, cut_short, rules(within_ms=50)).verdict == "diverged"


def test_with_tolerances_frames_are_compared_only_when_asked_for():
    a, b = Memory(RAMP, [frame(1, "01")]), Memory(RAMP, [frame(1, "02")])
    assert compare(a, b, rules("*=1")).verdict == "same"
    assert compare(a, b, rules("*=1", kinds=frozenset({Kind.FRAMES}))).verdict == "diverged"


def test_how_busy_the_machine_was_does_not_count_within_reach():
    busy = Memory(RAMP, events_of=[Event(SECOND, Level.INFO, "run", "skipped", "3 ticks were skipped")])
    assert compare(Memory(RAMP), busy, rules(within_ms=5)).verdict == "same"
    assert compare(Memory(RAMP), busy).verdict == "diverged"


# Wrong tolerances -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        ("probe.temprature=1", "did you mean 'probe.temperature'?"),
        ("probe.temperature=1 V", "tolerance of probe.temperature: '1 V' does not fit"),
        ("probe.temperature=5%", "tolerance of probe.temperature: '5%' does not fit"),
        ("probe.temperature=much", "'much' is no quantity"),
        ("probe.temperature=-1", "below 0"),
        ("probe.temperature", "is no tolerance"),
        ("=1", "is no tolerance"),
    ],
)
def test_a_tolerance_that_makes_no_sense_is_a_usage_error(tolerance: str, words: str):
    with pytest.raises(UsageError) as caught:
        compare(Memory(RAMP), Memory(RAMP), rules(tolerance))
    assert words in str(caught.value)


def test_a_signal_in_two_units_is_not_compared_by_its_numbers():
    other = (Signal(0, "probe", "temperature", "degF"), SIGNALS[1])
    with pytest.raises(UsageError, match="is in 'degC' in memory and in 'degF' in memory"):
        compare(Memory(RAMP), Memory(RAMP, signals=other))
    assert compare(Memory(RAMP), Memory(RAMP, signals=other), rules("probe.*=ignore")).verdict == "same"


def test_tolerances_come_from_a_file_and_its_mistakes_have_a_place(tmp_path):
    file = tmp_path / "tolerances.yaml"
    file.write_text('within: 20 ms\nprobe.temperature: 0.5 K, 1 %\n"heater.*": ignore\n')
    found = read_tolerances(file)
    assert found.within_ns == 20 * MS
    assert found.tolerances == (("probe.temperature", "0.5 K, 1 %"), ("heater.*", "ignore"))
    a, b = Memory(RAMP), Memory([Sample(0, each.time_ns + 9 * MS, each.value + 0.4) for each in RAMP])
    assert compare(a, b, found).verdict == "same"
    file.write_text("within: 20 V\nprobe.temperature: [1]\n")
    with pytest.raises(UsageError) as caught:
        read_tolerances(file)
    assert "tolerances.yaml:1:9: within: " in str(caught.value)
    assert "tolerances.yaml:2:20: probe.temperature: " in str(caught.value)
