"""Interlocks: while something is so, actuators stay at their safe values."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from testbed.bench import Cause, Interlock, Read, nearest, signals_of
from testbed.clock import Clock, Ticker
from testbed.signals import Command, Event, Level, Outcome, Sample, Signal

from .check import Finding

_INSIST_NS = 200_000_000
KIND = "interlock"
"""The kind of its events."""


class _State:
    """One interlock: `open` True: it lets commands pass, False: it is tripped, None: not known yet."""

    def __init__(self, spec: Interlock) -> None:
        self.spec = spec
        self.open: bool | None = None
        self.reason = "what it asks for is not known yet"
        self.unsettled: dict[int, Command] = {}
        """Safe values on their way, by signal."""


class Interlocks:
    """The interlocks of a bench: they follow the samples, and a command hears what they say.

    When one trips, its actuators are driven to their safe values, again and again until their devices have
    taken them. A condition that is not known any more (its sensor is lost) trips like one that holds.
    """

    def __init__(
        self,
        interlocks: Iterable[Interlock],
        read: Read,
        clock: Clock,
        drive_safe: Callable[[Signal, str], Command],
        reachable: Callable[[Signal], bool],
        report: Callable[[Event], None],
    ) -> None:
        self._read = read
        self._clock = clock
        self._drive_safe = drive_safe
        self._reachable = reachable
        self._report = report
        self._states = {interlock.name: _State(interlock) for interlock in interlocks}
        self._holding: dict[int, list[_State]] = {}
        self._following: dict[int, list[_State]] = {}
        for state in self._states.values():
            for signal in state.spec.holds:
                self._holding.setdefault(signal.id, []).append(state)
            conditions = [each for each in (state.spec.when, state.spec.reset) if each is not None]
            for number in {signal.id for condition in conditions for signal in signals_of(condition)}:
                self._following.setdefault(number, []).append(state)
        self._ticker: Ticker | None = None

    @property
    def followed(self) -> Iterable[int]:
        """The signals that they ask for."""
        return self._following

    @property
    def standing(self) -> dict[str, str]:
        """How each stands: open, tripped or unknown."""
        words = {True: "open", False: "tripped", None: "unknown"}
        return {name: words[state.open] for name, state in self._states.items()}

    def start(self) -> None:
        """Begin to insist on safe values."""
        if self._states:
            self._ticker = self._clock.every(_INSIST_NS, self._insist)

    def stop(self) -> None:
        """Leave it to whoever calls to bring all actuators to safety."""
        if self._ticker is not None:
            self._ticker.cancel()

    def observe(self, sample: Sample) -> None:
        """Follow a sample, once the mirror has it."""
        for state in self._following[sample.signal]:
            self._follow(state)

    def reset(self, name: str, who: str) -> str:
        """Let a latched interlock go, if it may; return why it may not, empty when it is open now."""
        state = self._states.get(name)
        if state is None:
            hint = nearest(name, self._states) or "this bench has none"
            return f"no interlock is called {name!r} ({hint})"
        if state.open:
            return ""
        if not self._may_open(state):
            return f"interlock {name} cannot be reset: {self._because(state)}"
        self._open(state, f"{who} resets it")
        return ""

    # As a check -------------------------------------------------------------------------------

    def look(self, signal: Signal, command: Command, now_ns: int) -> Finding | None:
        """Return which interlock holds the actuator; its safe value may always go out."""
        for state in self._holding.get(signal.id, ()):
            if state.open or command.value == signal.safe:
                continue
            text = f"{signal.path}: interlock {state.spec.name} keeps it at its safe value: {state.reason}"
            return Finding(Cause.INTERLOCK, text)
        return None

    def passed(self, signal: Signal, command: Command, now_ns: int) -> None:
        """Nothing is kept."""

    # Tripping and letting go ------------------------------------------------------------------

    def _follow(self, state: _State) -> None:
        held = state.spec.when.holds(self._read)
        if state.open is None and held is None:
            return  # it was never known: commands wait, and nothing has happened that could be told
        if held is not False:
            if state.open is not False:
                self._trip(state, held)
        elif not state.open and self._may_open(state) and not (state.open is False and state.spec.latch):
            self._open(state, "it does not hold any more" if state.open is False else "")

    def _may_open(self, state: _State) -> bool:
        reset = state.spec.reset
        return state.spec.when.holds(self._read) is False and (
            reset is None or reset.holds(self._read) is True
        )

    def _because(self, state: _State) -> str:
        held = state.spec.when.holds(self._read)
        if held is None:
            return f"{state.spec.text!r} is not known"
        return f"{state.spec.text!r} still holds" if held else "its reset condition does not hold"

    def _trip(self, state: _State, held: bool | None) -> None:
        state.open = False
        state.reason = state.spec.text if held else f"{state.spec.text!r} is not known any more"
        names = ", ".join(signal.path for signal in state.spec.holds)
        verb = "goes to its safe value" if len(state.spec.holds) == 1 else "go to their safe values"
        self._tell(state, Level.WARNING, f"trips: {state.reason}; {names} {verb}")
        for signal in state.spec.holds:
            state.unsettled[signal.id] = self._drive_safe(signal, f"interlock {state.spec.name}")

    def _open(self, state: _State, why: str) -> None:
        state.open = True
        state.unsettled.clear()
        if why:
            self._tell(state, Level.INFO, f"lets go: {why}")

    def _insist(self) -> None:
        for state in self._states.values():
            for signal in state.spec.holds:
                command = state.unsettled.get(signal.id)
                if command is None or command.pending:
                    continue
                if command.outcome is Outcome.ACKNOWLEDGED:
                    del state.unsettled[signal.id]
                elif self._reachable(signal):
                    state.unsettled[signal.id] = self._drive_safe(signal, command.requester)

    def _tell(self, state: _State, level: Level, text: str) -> None:
        told = f"interlock {state.spec.name} {text}"
        self._report(Event(self._clock.now(), level, state.spec.name, KIND, told))
