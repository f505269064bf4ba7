"""Who may look and who may act: accounts, hashed passwords and tokens, logins that end."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from testbed.errors import UsageError

if TYPE_CHECKING:
    from pwdlib import PasswordHash

_TICKET_S = 12 * 3600.0
_TOKEN_BYTES = 32
_FAILURES, _FAILURES_S = 10, 60.0
"""Failed logins from one address, and in how many seconds, after which it has to wait."""


class Role(IntEnum):
    """What somebody may do; each may do what those before may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The word that files and people use: viewer, operator, admin."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Role:
        """Return the role of that name; raises ValueError for another word."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"{word!r} is no role; choose from {', '.join(r.word for r in cls)}") from None


class Account(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One person or program; neither password nor token stands here as it is, only what it hashes to."""

    role: str
    password: str = ""
    """Argon2id, as `testbed users` makes it."""
    token: str = ""
    """SHA-256 in hexadecimal: a token is random and long, so nothing slower is needed."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who was let in; `ticket` names the login (empty: by token, or on a page without logins)."""

    name: str
    role: Role
    ticket: str = ""
    by_cookie: bool = False


LOCAL = Visitor("local", Role.ADMIN)
"""Whoever reaches a page that only this machine can reach and that has no accounts."""


class TooManyFailures(Exception):
    """Somebody has to wait before the next try."""


class Doorkeeper:
    """Knows the accounts and who is logged in. Without accounts (None) everybody is let in as LOCAL."""

    def __init__(self, accounts: dict[str, Account] | None) -> None:
        self._accounts = accounts
        self._tickets: dict[str, tuple[str, float]] = {}
        self._failures: dict[str, deque[float]] = {}
        self._hashing = asyncio.Lock()  # one at a time: each takes 64 MiB

    @property
    def open(self) -> bool:
        """Whether nobody has to log in."""
        return self._accounts is None

    def by_token(self, token: str) -> Visitor | None:
        """Return whose token this is."""
        found = hash_token(token)
        for name, account in (self._accounts or {}).items():
            if account.token and secrets.compare_digest(account.token, found):
                return Visitor(name, Role.of(account.role))
        return None

    def by_ticket(self, ticket: str) -> Visitor | None:
        """Return whose login this is, as long as it lasts."""
        key = hash_token(ticket)
        name, until = self._tickets.get(key, ("", 0.0))
        account = (self._accounts or {}).get(name)
        if account is None or time.monotonic() > until:
            self._tickets.pop(key, None)
            return None
        return Visitor(name, Role.of(account.role), key, by_cookie=True)

    def admits(self, visitor: Visitor) -> bool:
        """Return whether a visitor who was let in is so still: a page outlives a login."""
        if not visitor.ticket:
            return True
        _, until = self._tickets.get(visitor.ticket, ("", 0.0))
        return time.monotonic() <= until

    async def log_in(self, name: str, secret: str, address: str) -> str | None:
        """Return a ticket for the right password or token; raises TooManyFailures to slow down guessing."""
        self._check_failures(address)
        if not await self._right(name, secret):
            self._failures.setdefault(address, deque(maxlen=_FAILURES)).append(time.monotonic())
            return None
        self._forget()
        self._failures.pop(address, None)
        ticket = secrets.token_urlsafe(_TOKEN_BYTES)
        self._tickets[hash_token(ticket)] = (name, time.monotonic() + _TICKET_S)
        return ticket

    def _forget(self) -> None:
        """Forget logins that are over, and failures that nobody has to wait for any more."""
        now = time.monotonic()
        self._tickets = {key: login for key, login in self._tickets.items() if login[1] > now}
        recent = {
            address: tries for address, tries in self._failures.items() if now - tries[-1] < _FAILURES_S
        }
        self._failures = recent

    def log_out(self, visitor: Visitor) -> None:
        """End a login."""
        self._tickets.pop(visitor.ticket, None)

    def _check_failures(self, address: str) -> None:
        failures = self._failures.get(address)
        if failures and len(failures) == _FAILURES and time.monotonic() - failures[0] < _FAILURES_S:
            raise TooManyFailures

    async def _right(self, name: str, secret: str) -> bool:
        account = (self._accounts or {}).get(name, Account("viewer"))
        if account.token and secrets.compare_digest(account.token, hash_token(secret)):
            return True
        async with self._hashing:
            # Without a password one is verified all the same, so that the time tells nothing of who is known.
            right = await asyncio.to_thread(_verify, secret, account.password or _nobody())
        return right and bool(account.password)


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def hash_token(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Return what is kept of a password; takes a quarter of a second on purpose."""
    return _hasher().hash(password)


def _hasher() -> PasswordHash:
    from pwdlib import PasswordHash

    return PasswordHash.recommended()


def _verify(secret: str, hashed: str) -> bool:
    return bool(_hasher().verify(secret, hashed))


_nobodys: list[str] = []


def _nobody() -> str:
    if not _nobodys:
        _nobodys.append(hash_password(new_token()))
    return _nobodys[0]


def read_accounts(file: Path) -> dict[str, Account]:
    """Return the accounts in a file that `testbed users` wrote; raises UsageError that says what is wrong."""
    try:
        accounts = msgspec.convert(yaml.safe_load(file.read_text()) or {}, dict[str, Account])
        for account in accounts.values():
            Role.of(account.role)
    except OSError as error:
        raise UsageError(
            f"cannot read {file}: {error.strerror}", f"make it: testbed users add NAME {file}"
        ) from error
    except (yaml.YAMLError, msgspec.ValidationError, ValueError) as error:
        raise UsageError(f"{file}: {error}", "write it with: testbed users") from error
    return accounts


def write_accounts(file: Path, accounts: dict[str, Account]) -> None:
    """Write accounts so that nobody else can read them."""
    text = yaml.safe_dump(msgspec.to_builtins(accounts), sort_keys=True)
    made = file.with_name(file.name + ".new")
    made.touch(mode=0o600)
    made.write_text(text)
    made.replace(file)
