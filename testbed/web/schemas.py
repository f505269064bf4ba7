"""What the HTTP API takes and gives."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from .notes import LONGEST

NS = Annotated[int, Field(ge=0, lt=2**62, description="UTC in ns")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Newest(BaseModel):
    """The newest sample of a signal."""

    time_ms: float = Field(description="UTC in ms")
    value: float | None = Field(description="None: there was none")
    quality: str = Field(description="good, uncertain or bad")
    reason: str = Field(description="why it is not good")


class SignalOut(BaseModel):
    """A signal of a session, in plain numbers of its unit."""

    signal: str = Field(description="device.signal")
    title: str
    unit: str
    access: str = Field(description="read, notify or write")
    limits: tuple[float, float] | None
    safe: float | None
    period_s: float | None = Field(description="promised time between samples")
    samples: int
    newest: Newest | None


class Held(BaseModel):
    """An actuator in somebody's hands."""

    signal: str
    who: str
    left_s: float = Field(description="until it goes safe unless the lease is renewed")


class FaultOut(BaseModel):
    """A fault that is on."""

    device: str
    fault: str
    who: str
    left_s: float | None = Field(description="how long yet; None: until it is mended")


class FaultIn(_Body):
    """What to break, with the parameters of the catalogue (testbed fault --list)."""

    device: str
    fault: str
    parameters: dict[str, FiniteFloat | str] = Field(default_factory=dict)
    lasts: str | None = Field(None, description="such as 5 s; None: until it is mended")


class State(BaseModel):
    """The session that is being recorded, and how its run stands."""

    session: str | None
    verdict: str | None = Field(description="unfinished while it runs")
    controllable: bool = Field(description="whether commands may be given here")
    loops: dict[str, str] = Field(description="automatic, manual or safe")
    held: list[Held]
    interlocks: dict[str, str] = Field(description="open, tripped or unknown")
    faults: list[FaultOut] = Field(description="what is broken on purpose")
    devices: dict[str, str] = Field(description="connecting, online, degraded, offline or closed")


class SessionOut(BaseModel):
    """One recorded session."""

    session: str
    verdict: str
    started: str | None
    duration_s: float
    bytes: int
    problem: str | None


class CurveOut(BaseModel):
    """A curve; `t` UTC in ms, `v` null where the signal was bad."""

    t: list[float]
    v: list[float | None]


class EventOut(BaseModel):
    """Something that people were told; `t` UTC in ms."""

    t: float
    level: str
    source: str
    kind: str
    text: str


class NoteIn(_Body):
    """A note about a moment of a session."""

    time_ns: NS
    text: str = Field(min_length=1, max_length=LONGEST)


class NoteOut(BaseModel):
    """A note, and who wrote it."""

    time_ns: int
    who: str
    text: str
    written_ns: int


class LeaseIn(_Body):
    """Which actuator to take in hand, and for how long without renewing."""

    signal: str
    seconds: FiniteFloat = Field(5.0, ge=1.0, le=60.0)


class LeaseOut(BaseModel):
    """The lease: renew it before its time is up."""

    lease: str
    seconds: float


class CommandIn(_Body):
    """A wanted value, in the signal's unit."""

    value: FiniteFloat


class CommandOut(BaseModel):
    """What became of a command: acknowledged, failed, expired, superseded or refused (by the guard)."""

    outcome: str
    reason: str


class Problem(BaseModel):
    """What is wrong."""

    detail: str
