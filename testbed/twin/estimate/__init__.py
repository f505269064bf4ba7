"""The state of a device from what is measured, and how sure of it one may be."""

from .followed import Followed, Free, Sensor
from .kalman import ExtendedKalman, Innovation
from .swap import swapped
from .tracker import GATE, Happened, Moment, Tracker
from .unscented import UnscentedKalman

__all__ = [
    "GATE",
    "ExtendedKalman",
    "Followed",
    "Free",
    "Happened",
    "Innovation",
    "Moment",
    "Sensor",
    "Tracker",
    "UnscentedKalman",
    "swapped",
]
