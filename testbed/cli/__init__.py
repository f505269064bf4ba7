"""The command line: thin, quiet for people, exact for machines."""

from .app import main

__all__ = ["main"]
