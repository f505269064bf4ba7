"""What a person may tell a running bench, a line at a time: set a signal, look at one, wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from testbed.bench import Bench, nearest
from testbed.bench.units import convert, seconds, split_quantity
from testbed.errors import UsageError
from testbed.signals import Outcome, Signal

from .assembly import Assembly

REQUESTER = "person"

HELP = """DEVICE.SIGNAL VALUE [UNIT]   give a command, for example: chamber.setpoint 60 degC
DEVICE.SIGNAL                show what is known of a signal
wait TIME                    wait, for example: wait 5 s
signals                      list the signals that take commands
quit                         end the run"""


class Console:
    """Carries out lines on a running bench; what it answers is for people."""

    def __init__(self, bench: Bench, parts: Assembly, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._bench = bench
        self._parts = parts
        self._sleep = sleep

    async def carry_out(self, line: str) -> str:
        """Do what a line says and return the answer; raises UsageError for what is not understood."""
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip().removeprefix("=").strip()
        if word in ("help", "?"):
            return HELP
        if word == "signals":
            return "\n".join(self._describe(each) for each in self._bench.signals if each.writable)
        if word == "wait":
            await self._sleep(_time(rest))
            return ""
        signal = self._bench.by_path.get(word)
        if signal is None:
            raise UsageError(f"there is no signal {word!r}", nearest(word, self._bench.by_path))
        return await self._give(signal, rest) if rest else self._describe(signal)

    async def _give(self, signal: Signal, text: str) -> str:
        if not signal.writable:
            raise UsageError(f"{signal.path} takes no commands", "list those that do with: signals")
        value = _value(signal, text)
        await self._parts.manual.hold_from_loop(signal, value, REQUESTER)
        command = await self._parts.commander.ask(signal, value, REQUESTER)
        told = f"{signal.path} to {value:g} {signal.unit}".rstrip()
        if command.outcome is Outcome.ACKNOWLEDGED:
            return f"{told}: {command.outcome} after {(command.done_ns - command.time_ns) / 1e6:.1f} ms"
        return (
            f"{told}: {command.outcome}: {command.reason}" if command.reason else f"{told}: {command.outcome}"
        )

    def _describe(self, signal: Signal) -> str:
        last = self._parts.mirror.readings[signal.id].last
        limits = f", {signal.limits[0]:g} to {signal.limits[1]:g}" if signal.limits else ""
        reason = f" ({last.reason})" if last.reason else ""
        return (
            f"{signal.path} {last.value:g} {signal.unit}".rstrip() + f", {last.quality.word}{reason}{limits}"
        )


def _value(signal: Signal, text: str) -> float:
    words = {"on": 1.0, "true": 1.0, "off": 0.0, "false": 0.0}
    if not signal.unit and text.lower() in words:
        return words[text.lower()]
    try:
        split_quantity(text)
        return convert(text, signal.unit)
    except ValueError as error:
        raise UsageError(
            f"{signal.path}: {error}", f"write for example: {signal.path} 1 {signal.unit}".rstrip()
        ) from None


def _time(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"wait {text}: {error}", "write for example: wait 5 s") from None
