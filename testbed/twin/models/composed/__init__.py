"""Models composed of others: outputs of parts feed inputs of others, each part can be replaced."""

from .model import Composed

__all__ = ["Composed"]
