"""What became of a command: the guard's word, the bytes that were written, the device's answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testbed.session.evidence import Evidence, FrameSource, frames_of_command
from testbed.signals import Command, Outcome, Priority, Signal, Verdict

from .steps import Step, frame_step
from .words import duration_text

_WORDS = {
    Verdict.REFUSED: "refused it",
    Verdict.HELD: "held it back",
    Verdict.SAFE_STOP: "refused it and drove to the safe value",
    Verdict.CLAMPED: "let another value pass",
}
When = Callable[[int], dict[str, Any]]


def guard_step(signal: Signal, command: Command) -> Step:
    """Return the guard's verdict with its reason, or what it made sure of."""
    facts = {"verdict": command.verdict, "reason": command.reason}
    if (word := _WORDS.get(command.verdict)) is not None:
        return Step("guard", f"the guard {word}: {command.reason}", facts=facts)
    if command.verdict is Verdict.PENDING:
        return Step("guard", f"it never came before the guard: {command.reason}", facts=facts)
    bounds = []
    if signal.limits is not None:
        bounds.append(f"within {signal.limits[0]:g} to {signal.limits[1]:g} {signal.unit}".rstrip())
    if command.priority is Priority.SAFE:
        bounds.append("on the way to safety, however fast")
    elif signal.slew is not None:
        bounds.append(f"not faster than {signal.slew:g} {signal.unit}/s".replace(" /s", "/s"))
    return Step("guard", f"the guard let it pass{': ' * bool(bounds)}{', '.join(bounds)}", facts=facts)


def written_steps(
    wires: FrameSource, signal: Signal, command: Command, when: When
) -> tuple[list[Step], Evidence | None]:
    """Return the bytes that were written, and the frame by which the device answered."""
    if not command.sent_ns:
        return [Step("written", "nothing was sent")], None
    until_ns = max(command.done_ns, command.sent_ns)
    written, answer = frames_of_command(wires, signal.device, signal.name, command.time_ns, until_ns)
    since, of = (command.cause_ns, "its sample") if command.cause_ns else (command.time_ns, "asking")
    latency = command.sent_ns - since
    facts = {"sent_ns": command.sent_ns, "latency_s": latency / 1e9}
    if written is None:
        text = f"written {duration_text(latency)} after {of}, but its bytes are not recorded"
        return [Step("written", text, facts=facts)], None
    text = f"written {duration_text(latency)} after {of}"
    step = frame_step("written", text, written, when(written.frame.time_ns))
    step.facts |= facts
    return [step], answer


def settled_step(command: Command, answer: Evidence | None, when: When) -> Step:
    """Return the outcome, and the frame that brought it."""
    facts = {"outcome": command.outcome, "reason": command.reason, "done_ns": command.done_ns}
    since_ns = command.sent_ns or command.time_ns
    took = duration_text(command.done_ns - since_ns)
    text = f"{command.outcome} {took} later"
    if command.outcome is not Outcome.ACKNOWLEDGED and command.reason:
        text += f": {command.reason}"
    if answer is None:
        return Step("settled", text, facts=facts)
    step = frame_step("settled", text, answer, when(answer.frame.time_ns))
    step.facts |= facts
    return step
