"""A recorded session played again through the real drivers, and where it then went another way."""

from .script_parting import ScriptParting
from .virtual import Replay, replay_virtually

__all__ = ["Replay", "ScriptParting", "replay_virtually"]
