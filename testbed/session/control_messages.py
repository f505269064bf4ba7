"""What is said over the control socket of a run: one JSON object a line, each request answered once."""

from __future__ import annotations

import msgspec


class Request(msgspec.Struct, tag_field="do", tag=str.lower, kw_only=True):
    """`id` comes back with the answer; answers may come in another order than the requests."""

    id: int = 0


class Take(Request):
    """Take an actuator in hand; answered with a lease."""

    signal: str
    who: str
    seconds: float


class Renew(Request):
    """Keep a lease for another while."""

    lease: str


class Give(Request):
    """Command what is held by a lease; answered when the outcome is known."""

    lease: str
    value: float


class Release(Request):
    """Give an actuator back."""

    lease: str


class Stop(Request):
    """End the run: every actuator goes safe first."""

    who: str


class Look(Request):
    """Ask who holds what, and how the loops stand."""


class Reset(Request):
    """Let a latched interlock go."""

    interlock: str
    who: str


class Break(Request):
    """Begin a fault, for a time such as "5 s" or until it is mended; parameters as a bench file has them."""

    device: str
    fault: str
    who: str
    parameters: dict[str, float | str] = {}
    lasts: str | None = None


class Mend(Request):
    """End a fault."""

    device: str
    fault: str
    who: str


AnyRequest = Take | Renew | Give | Release | Stop | Look | Reset | Break | Mend


class Held(msgspec.Struct):
    """An actuator in somebody's hands; `left_s` is how long the lease lasts without being renewed."""

    signal: str
    who: str
    left_s: float


class Fault(msgspec.Struct):
    """A fault that is on; `left_s` is how long yet, None: until it is mended."""

    device: str
    fault: str
    who: str
    left_s: float | None


class Standing(msgspec.Struct):
    """How a run stands.

    `loops` says automatic, manual or safe for each, `interlocks` open, tripped or unknown, `devices`
    connecting, online, degraded, offline or closed.
    """

    pid: int
    held: list[Held]
    loops: dict[str, str]
    interlocks: dict[str, str] = {}
    faults: list[Fault] = []
    devices: dict[str, str] = {}


class Reply(msgspec.Struct, omit_defaults=True):
    """The answer to a request; `error` is empty when it was done."""

    id: int = 0
    error: str = ""
    lease: str = ""
    outcome: str = ""
    reason: str = ""
    standing: Standing | None = None
