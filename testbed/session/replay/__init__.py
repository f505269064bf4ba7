"""A recorded session played again through the real drivers, and where it then went another way."""

from .judgement import SAME, Judgement, judge_replay
from .script_parting import Say, ScriptParting, sayer
from .virtual import Replay, replay_virtually
from .whatif import WhatIf, what_if
from .wire import WireReplay, replay_on_wires

__all__ = [
    "SAME",
    "Judgement",
    "Replay",
    "Say",
    "ScriptParting",
    "WhatIf",
    "WireReplay",
    "judge_replay",
    "replay_on_wires",
    "replay_virtually",
    "sayer",
    "what_if",
]
