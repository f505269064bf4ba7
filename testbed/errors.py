"""What can go wrong, named by its cause; every error says the next step to take."""

from __future__ import annotations


class TestbedError(Exception):
    """Base of every error that a user can meet.

    The text says what happened; `next_step` says what to do about it. `exit_code` is what the
    command line returns: 1 verdict failed, 2 wrong usage or bench file, 3 damaged input, 4 a device
    could not be reached, 70 a fault of ours.
    """

    __test__ = False  # the name begins like a test class; pytest must not collect it
    exit_code = 70

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n  next  {self.next_step}" if self.next_step else message


class UsageError(TestbedError):
    """The command line or the bench file asks for something that cannot be."""

    exit_code = 2


class DamagedInput(TestbedError):
    """A recorded file cannot be read as what it claims to be."""

    exit_code = 3


class LinkError(TestbedError):
    """A wire could not be opened, or was lost."""

    exit_code = 4


class MissingPart(TestbedError):
    """A program or library that this job needs is not installed; `next_step` says how to get it."""

    exit_code = 2
