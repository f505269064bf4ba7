"""Where a device is, as a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_CREDENTIALS = re.compile(r"//([^/@?:]*):[^?]*@")  # to the last @, as they are taken apart below
_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Wire:
    """A parsed wire: `modbus+tcp://10.0.0.5:502?unit=1`, `serial:///dev/ttyUSB0?baud=115200`, ...

    `host` may be a Bluetooth address (`ble://C0:FF:EE:00:00:01`), `path` a device path or a topic
    path, `options` what follows the question mark. `text` is what people see and what is recorded: it
    holds the names of environment variables, never their values, and no password.
    """

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    options: dict[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = field(default="", repr=False)
    text: str = ""
    hidden: dict[str, str] = field(default_factory=dict, repr=False)
    """What the environment gave, and the ${NAME} that people see instead; a password, and ***."""

    def redacted(self, text: str) -> str:
        """Return a text about this wire with nothing in it of what the environment gave, and no password."""
        # The longest first: one secret may stand within another.
        for value, name in sorted(self.hidden.items(), key=lambda pair: -len(pair[0])):
            # As a whole word only: a unit "1" from the environment must not spoil every number.
            text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", name, text, flags=re.IGNORECASE)
        return text

    def option(self, name: str, default: str) -> str:
        """Return an option's text, or `default` when the wire does not give it."""
        return self.options.get(name, default)

    def number(self, name: str, default: int) -> int:
        """Return an option as a whole number; raises ValueError naming the wire."""
        text = self.options.get(name)
        if text is None:
            return default
        try:
            return int(text, 0)
        except ValueError:
            raise ValueError(f"{self}: {name}={self.redacted(text)} is not a whole number") from None

    def __str__(self) -> str:
        """Return the URL as people may see it."""
        return self.text


def parse_wire(text: str, environment: Mapping[str, str] | None = None) -> Wire:
    """Parse a wire, taking ${NAME} from `environment`; raises ValueError that shows what is wrong."""
    if not _SCHEME.match(text):
        raise ValueError(
            f"{text!r} is not a wire; write it as a URL, for example serial:///dev/ttyUSB0?baud=115200"
        )
    visible = _CREDENTIALS.sub(r"//\1:***@", text)

    hidden: dict[str, str] = {}

    def expand(part: str) -> str:
        for name in _VARIABLE.findall(part):
            value = _variable(visible, name, environment or {})
            hidden.update({form: f"${{{name}}}" for form in (value, unquote(value)) if form})
        return _VARIABLE.sub(lambda match: (environment or {})[match[1]], part)

    scheme, rest = text.split("://", 1)
    place, _, query = rest.partition("?")
    options = {key: expand(value) for key, value in parse_qsl(query, keep_blank_values=True)}
    if scheme in ("ble", "nus"):  # an address full of colons is no host and port
        host, slash, path = expand(place).partition("/")
        return Wire(scheme, host.upper(), None, slash + path, options, text=visible, hidden=hidden)
    credentials, at, address = place.rpartition("@")
    user, _, password = credentials.partition(":") if at else ("", "", "")
    where, secret = expand(address), expand(password)
    for form in (secret, unquote(secret)):
        if form:
            hidden.setdefault(form, "***")
    try:
        parts = urlsplit(f"//{where}")
        port = parts.port
    except ValueError as error:
        told = Wire(scheme, hidden=hidden).redacted(str(error))
        raise ValueError(f"{visible!r}: {told}") from None
    return Wire(
        scheme, parts.hostname or "", port, parts.path, options,
        unquote(expand(user)), unquote(secret), visible, hidden,
    )  # fmt: skip


def _variable(wire: str, name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise ValueError(f"{wire}: the environment variable {name} is not set")
    return environment[name]
