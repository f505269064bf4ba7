"""What can be expected of signals, commands and events: one file a family of checks."""

from .band import Reaches, Settles, Stays
from .check import Check
from .contrary import Contrary
from .formula import Formula, Satisfies
from .occurrence import Happens, HappensNot, KeepsBudget
from .quality import Becomes, StaysGood
from .shape import Changes, ChangesSlowly, Overshoots, Rises
from .statistic import AgreesWithTwin, Follows, IsStable

__all__ = [
    "AgreesWithTwin",
    "Becomes",
    "Changes",
    "ChangesSlowly",
    "Check",
    "Contrary",
    "Follows",
    "Formula",
    "Happens",
    "HappensNot",
    "IsStable",
    "KeepsBudget",
    "Overshoots",
    "Reaches",
    "Rises",
    "Satisfies",
    "Settles",
    "Stays",
    "StaysGood",
]
