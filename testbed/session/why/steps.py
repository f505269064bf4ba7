"""An explanation is a tree of steps: a sentence, the facts in it, and what led to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from testbed.session.describe import bytes_text
from testbed.session.evidence import Evidence

_BYTES_SHOWN = 32


@dataclass
class Step:
    """One link of the chain.

    `what` is a stable word for programs, `text` the sentence for people, `detail` a line below it (bytes),
    `facts` are plain JSON values, `steps` what it rests on, in the order in which it happened.
    """

    what: str
    text: str
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        steps = [step.as_dict() for step in self.steps]
        return {"what": self.what, "text": self.text, "detail": self.detail, **self.facts, "steps": steps}


def frame_step(what: str, text: str, evidence: Evidence, when: dict[str, Any]) -> Step:
    """Return the step that shows a frame: what it says, and below it the bytes."""
    frame, told = evidence.frame, [evidence.about] if evidence.about else evidence.meanings
    fields: dict[str, Any] = {}
    for meaning in told:
        fields |= meaning.fields | meaning.values
    direction = frame.direction.name.lower()
    facts = {
        "direction": direction,
        "bytes": frame.data.hex(" "),
        "meaning": evidence.text,
        "fields": fields,
        **when,
    }
    return Step(what, f"{text}: {evidence.text}", f"{direction} {bytes_text(frame, _BYTES_SHOWN)}", facts)
