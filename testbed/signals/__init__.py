"""What flows: signals, samples, commands, events, and the hub that hands samples on."""

from .command import Command, Outcome, Priority, Verdict
from .event import Event, Level
from .hub import Hub, Stage
from .sample import Quality, Sample
from .signal import Access, Signal

__all__ = [
    "Access",
    "Command",
    "Event",
    "Hub",
    "Level",
    "Outcome",
    "Priority",
    "Quality",
    "Sample",
    "Signal",
    "Stage",
    "Verdict",
]
