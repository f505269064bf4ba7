"""What the page is told when it is started, by `testbed serve` or by a run."""

from __future__ import annotations

import msgspec

from .access import Account


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """Where the sessions are, where to listen, and who may come in."""

    folder: str
    """Where the sessions are."""
    listening: int
    """The descriptor of a socket that is bound already."""
    address: str
    """The URL by which people reach the page, without what is secret."""
    hosts: list[str] | None = None
    """Names under which the page may be called, None: any."""
    accounts: dict[str, Account] | None = None
    """None: nobody has to log in."""
    running: str = ""
    """The name of the session that is being recorded by whoever started the page."""
    control: str = ""
    """The control socket of that run."""
    certificate: str = ""
    key: str = ""
