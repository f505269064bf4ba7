"""Where a device is, as a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True)
class Wire:
    """A parsed wire: `modbus+tcp://10.0.0.5:502?unit=1`, `serial:///dev/ttyUSB0?baud=115200`, ...

    `host` may be a Bluetooth address (`ble://C0:FF:EE:00:00:01`), `path` a device path or a topic
    path, `options` what follows the question mark. `user` and `password` are never recorded.
    """

    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    options: dict[str, str] = field(default_factory=dict)
    user: str = ""
    password: str = field(default="", repr=False)

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
        """Return the URL without user and password."""
        place = self.host + (f":{self.port}" if self.port is not None else "")
        query = "?" + urlencode(self.options, safe="/:=,") if self.options else ""
        return f"{self.scheme}://{place}{self.path}{query}"


def parse_wire(text: str) -> Wire:
    """Parse a wire; raises ValueError that says what is wrong and shows a right one."""
    if not _SCHEME.match(text):
        raise ValueError(
            f"{text!r} is not a wire; write it as a URL, for example serial:///dev/ttyUSB0?baud=115200"
        )
    scheme, rest = text.split("://", 1)
    options = dict(parse_qsl(rest.partition("?")[2], keep_blank_values=True))
    place = rest.partition("?")[0]
    if scheme == "ble":  # an address full of colons is no host and port
        host, slash, path = place.partition("/")
        return Wire(scheme, host.upper(), None, slash + path, options)
    try:
        parts = urlsplit(f"//{place}")
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    return Wire(
        scheme,
        parts.hostname or "",
        port,
        parts.path,
        options,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )
