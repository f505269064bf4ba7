"""Recorded devices: what is at the other end of a wire is a session file."""

from .dialects import dialect_of

__all__ = ["dialect_of"]
