from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil_tests.support.hand_clock import HandClock
from testbed.clock import NS
from testbed.drivers import Arbiter, Request
from testbed.links import LinkLost
from testbed.signals import Priority


class Wire:
    """A wire that notes what is sent on it and what failed, and why."""

    def __init__(self, depth: int = 1) -> None:
        self.clock = HandClock()
        self.arbiter = Arbiter(self.clock, depth)
        self.sent: list[str] = []
        self.failed: list[tuple[str, str]] = []
        self.broken = False

    def request(
        self,
        name: str,
        priority: Priority = Priority.COMMAND,
        *,
        timeout: float = 1.0,
        key: str | None = None,
        deadline: float = 0.0,
        party: object = None,
    ) -> Request:
        """Submit a request; `deadline` is in seconds from now, 0 for none."""

        deadline_ns = self.clock.now() + round(deadline * NS) if deadline else 0
        request = _Noted(self, name, priority, round(timeout * NS), key, deadline_ns, party)
        self.arbiter.submit(request)
        return request


class _Noted(Request):
    """Writes its name on the wire."""

    def __init__(
        self,
        wire: Wire,
        name: str,
        priority: Priority,
        timeout_ns: int,
        key: str | None,
        deadline_ns: int,
        party: object,
    ) -> None:
        super().__init__(priority, timeout_ns, key, deadline_ns, party)
        self._wire = wire
        self._name = name

    def send(self) -> None:
        if self._wire.broken:
            raise LinkLost("cut")
        self._wire.sent.append(self._name)

    def failed(self, reason: str) -> None:
        self._wire.failed.append((self._name, reason))


def test_given_a_free_wire_then_a_request_is_sent_at_once() -> None:
    wire = Wire()
    wire.request("a")
    assert wire.sent == ["a"]


def test_given_a_busy_wire_then_the_next_is_sent_when_the_answer_has_come() -> None:
    wire = Wire()
    first = wire.request("a")
    wire.request("b")
    assert wire.sent == ["a"]
    wire.arbiter.answered(first)
    assert wire.sent == ["a", "b"]


def test_given_depth_two_then_two_are_in_flight_and_answers_may_come_in_any_order() -> None:
    wire = Wire(depth=2)
    _, second = wire.request("a"), wire.request("b")
    wire.request("c")
    assert wire.sent == ["a", "b"]
    wire.arbiter.answered(second)
    assert wire.sent == ["a", "b", "c"]
    assert len(wire.arbiter.in_flight) == 2


def test_safe_state_goes_before_commands_before_polls_before_discovery() -> None:
    wire = Wire()
    current = wire.request("busy")
    for priority in (Priority.DISCOVERY, Priority.POLL, Priority.COMMAND, Priority.SAFE):
        wire.request(priority.name, priority)
    for _ in range(4):
        wire.arbiter.answered(current)
        current = wire.arbiter.in_flight[0]
    assert wire.sent == ["busy", "SAFE", "COMMAND", "POLL", "DISCOVERY"]


@given(st.lists(st.sampled_from(Priority), max_size=20))
def test_equal_priorities_keep_their_order(priorities: list[Priority]) -> None:
    wire = Wire()
    wire.request("busy")
    for number, priority in enumerate(priorities):
        wire.request(f"{priority:d}/{number:02}", priority)
    while wire.arbiter.in_flight:
        wire.arbiter.answered(wire.arbiter.in_flight[0])
    assert wire.sent == ["busy", *sorted(wire.sent[1:])]
    assert len(wire.sent) == len(priorities) + 1


def test_given_no_answer_in_time_then_it_fails_once_and_the_next_is_sent() -> None:
    wire = Wire()
    late = wire.request("a", timeout=0.5)
    wire.request("b")
    wire.clock.move(0.5)
    assert wire.failed == [("a", "no answer within 0.5 s")]
    assert wire.sent == ["a", "b"]
    wire.arbiter.answered(late)  # it came after all
    wire.clock.move(0.4)
    assert len(wire.failed) == 1


def test_given_an_answer_in_time_then_it_never_fails() -> None:
    wire = Wire()
    wire.arbiter.answered(wire.request("a"))
    wire.clock.move(10)
    assert wire.failed == []


def test_a_poll_that_waits_or_flies_is_not_queued_again() -> None:
    wire = Wire()
    flying = wire.request("poll", Priority.POLL, key="temperature")
    wire.request("poll", Priority.POLL, key="temperature")
    wire.request("other", Priority.POLL, key="humidity")
    wire.request("other", Priority.POLL, key="humidity")
    wire.arbiter.answered(flying)
    wire.arbiter.answered(wire.arbiter.in_flight[0])
    assert wire.sent == ["poll", "other"]
    wire.request("poll", Priority.POLL, key="temperature")
    assert wire.sent == ["poll", "other", "poll"]


def test_commands_never_coalesce() -> None:
    wire = Wire()
    first = wire.request("on")
    wire.request("on")
    wire.arbiter.answered(first)
    assert wire.sent == ["on", "on"]


def test_given_a_deadline_that_passed_while_it_waited_then_it_expires_unsent() -> None:
    wire = Wire()
    wire.request("slow", timeout=2.0)
    wire.request("poll", Priority.POLL, key="p", deadline=1.0)
    wire.clock.move(2.0)
    assert ("poll", "expired while it waited for the wire") in wire.failed
    assert wire.sent == ["slow"]
    wire.request("poll", Priority.POLL, key="p")
    assert wire.sent == ["slow", "poll"], "an expired poll may be asked again"


def test_given_a_lost_wire_then_all_fail_at_once_in_order_each_once() -> None:
    wire = Wire()
    wire.request("flying")
    wire.request("poll", Priority.POLL, key="p")
    wire.request("safe", Priority.SAFE)
    wire.arbiter.fail_all("unplugged")
    assert wire.failed == [("flying", "unplugged"), ("safe", "unplugged"), ("poll", "unplugged")]
    wire.clock.move(10)
    assert len(wire.failed) == 3
    wire.request("poll", Priority.POLL, key="p")
    assert wire.sent == ["flying", "poll"], "after the loss it begins anew"


def test_given_one_given_up_then_only_that_fails_and_the_next_is_sent() -> None:
    wire = Wire()
    first = wire.request("a")
    wire.request("b")
    wire.arbiter.fail(first, "malformed")
    wire.arbiter.fail(first, "malformed")
    assert wire.failed == [("a", "malformed")]
    assert wire.sent == ["a", "b"]


def test_given_a_wire_that_refuses_bytes_then_each_request_hears_it_though_another_freed_the_wire() -> None:
    wire = Wire()
    first = wire.request("a")
    wire.request("b")
    wire.request("c")
    wire.broken = True
    wire.arbiter.answered(first)
    assert wire.failed == [("b", "cut"), ("c", "cut")]
    assert wire.arbiter.in_flight == []
    wire.clock.move(10)
    assert len(wire.failed) == 2


def test_who_leaves_a_shared_wire_takes_only_his_own_requests_with_him() -> None:
    wire = Wire()
    ours, theirs = object(), object()
    wire.request("ours, sent", party=ours)
    wire.request("theirs", party=theirs)
    wire.request("ours, waiting", party=ours)
    wire.arbiter.leave(ours, "closed")
    assert wire.failed == [("ours, sent", "closed"), ("ours, waiting", "closed")]
    assert wire.sent == ["ours, sent", "theirs"]


def test_polls_of_two_devices_do_not_coalesce_though_they_are_called_the_same() -> None:
    wire = Wire()
    wire.request("busy")
    wire.request("a", key="temperature", party="one")
    wire.request("b", key="temperature", party="two")
    wire.request("c", key="temperature", party="one")
    for request in list(wire.arbiter.in_flight):
        wire.arbiter.answered(request)
    wire.arbiter.answered(wire.arbiter.in_flight[0])
    assert wire.sent == ["busy", "a", "b"]


def test_a_command_expires_at_its_deadline_though_the_wire_is_still_busy() -> None:
    wire = Wire()
    wire.request("slow", timeout=60.0)
    wire.request("late", deadline=0.5)
    wire.request("patient", deadline=5.0)
    wire.clock.move(0.6)
    assert wire.failed == [("late", "expired while it waited for the wire")]
    wire.clock.move(5.0)
    assert [name for name, _ in wire.failed] == ["late", "patient"]
    assert wire.sent == ["slow"]
