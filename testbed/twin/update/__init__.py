"""What has changed when a model no longer fits: found, named, tried on new data, followed, or taken back."""

from .learner import Learner
from .versions import Version
from .wear import Remaining, remaining, thinned

__all__ = ["Learner", "Remaining", "Version", "remaining", "thinned"]
