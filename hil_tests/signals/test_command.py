"""A command is settled once."""

from testbed.signals import Command, Outcome


def test_the_first_outcome_counts_and_is_told_once():
    told: list[Outcome] = []
    command = Command(0, 1.0, "test", 0, 10, on_done=lambda done: told.append(done.outcome))
    command.finish(Outcome.ACKNOWLEDGED, 5)
    command.finish(Outcome.FAILED, 6, "too late to matter")
    assert (command.outcome, command.done_ns, command.reason) == (Outcome.ACKNOWLEDGED, 5, "")
    assert told == [Outcome.ACKNOWLEDGED]


def test_a_new_command_is_pending():
    assert Command(0, 1.0, "test", 0, 10).pending
