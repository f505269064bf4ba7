"""Where a device is, as a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
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
            raise ValueError(f"{self}: {name}={text} is not a whole number") from None

    def __str__(self) -> str:
        """Return the URL as people may see it."""
        return self.text


def parse_wire(text: str, environment: Mapping[str, str] | None = None) -> Wire:
    """Parse a wire, taking ${NAME} from `environment`; raises ValueError that shows what is wrong."""
    if not _SCHEME.match(text):
        raise ValueError(
            f"{text!r} is not a wire; write it as a URL, for example serial:///dev/ttyUSB0?baud=115200"
        )
    visible = re.sub(r"//([^/@?]*):([^/@?]*)@", r"//\1:***@", text)

    def expand(part: str) -> str:
        return _VARIABLE.sub(lambda match: _variable(visible, match[1], environment or {}), part)

    scheme, rest = text.split("://", 1)
    place, _, query = rest.partition("?")
    options = {key: expand(value) for key, value in parse_qsl(query, keep_blank_values=True)}
    if scheme == "ble":  # an address full of colons is no host and port
        host, slash, path = expand(place).partition("/")
        return Wire(scheme, host.upper(), None, slash + path, options, text=visible)
    credentials, at, address = place.rpartition("@")
    user, _, password = credentials.partition(":") if at else ("", "", "")
    try:
        parts = urlsplit(f"//{expand(address)}")
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{visible!r}: {error}") from None
    return Wire(
        scheme, parts.hostname or "", port, parts.path, options,
        unquote(expand(user)), unquote(expand(password)), visible,
    )  # fmt: skip


def _variable(wire: str, name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise ValueError(f"{wire}: the environment variable {name} is not set")
    return environment[name]
