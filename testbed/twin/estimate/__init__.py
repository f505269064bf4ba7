"""The state of a device from what is measured, and how sure of it one may be."""

from .kalman import ExtendedKalman, Innovation

__all__ = ["ExtendedKalman", "Innovation"]
