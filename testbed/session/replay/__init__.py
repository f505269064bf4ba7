"""A recorded session played again through the real drivers, and where it then went another way."""

from .script_parting import Say, ScriptParting, sayer
from .virtual import Replay, replay_virtually
from .wire import WireReplay, replay_on_wires

__all__ = [
    "Replay",
    "Say",
    "ScriptParting",
    "WireReplay",
    "replay_on_wires",
    "replay_virtually",
    "sayer",
]
