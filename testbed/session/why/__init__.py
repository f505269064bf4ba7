"""Why a signal had a value or was commanded: the chain from the bytes that came to those that went."""

from .chain import explain
from .question import read_moment, read_question
from .steps import Step

__all__ = ["Step", "explain", "read_moment", "read_question"]
