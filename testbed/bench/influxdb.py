"""Where a session's time series go: the `influxdb` section of a bench file.

Its texts may name environment variables, `${NAME}`; they are filled in by whoever forwards, so that a bench
can be checked and run where they are not set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from testbed.errors import UsageError

from . import units
from .document import parse_document
from .spec import InfluxdbSpec

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Influxdb:
    """A bucket of an InfluxDB server; `timeout` in seconds, `ca` is a file of certificates to trust."""

    url: str
    org: str = ""
    bucket: str = ""
    token: str = ""
    ca: str = ""
    timeout: float = 10.0

    def filled_in(self, environment: Mapping[str, str]) -> Influxdb:
        """Return it with every ${NAME} replaced; raises UsageError if one is not set or the URL is wrong."""
        texts = (self.url, self.org, self.bucket, self.token, self.ca)
        url, org, bucket, token, ca = (_fill_in(text, environment) for text in texts)
        try:
            return Influxdb(check_url(url), org, bucket, token, ca, self.timeout)
        except ValueError as error:
            raise UsageError(f"influxdb: {error}") from None

    def over(self, other: Influxdb) -> Influxdb:
        """Return it with what it does not say taken from `other`, and that one's timeout."""
        return Influxdb(
            self.url or other.url,
            self.org or other.org,
            self.bucket or other.bucket,
            self.token or other.token,
            self.ca or other.ca,
            other.timeout,
        )


def resolve(spec: InfluxdbSpec) -> Influxdb:
    """Return what a section of the right shape says; raises ValueError for a time that cannot be."""
    timeout = units.seconds(spec.timeout)
    if not 0.1 <= timeout <= 600:
        raise ValueError(f"a timeout of {spec.timeout} is not between 0.1 s and 600 s")
    return Influxdb(spec.url, spec.org, spec.bucket, spec.token, spec.ca, timeout)


def influxdb_of(file: str, text: str) -> Influxdb | None:
    """Return the `influxdb` section of a bench file's text, None without one; raises UsageError.

    The rest of the file is not looked at: it may be an old recording's, whose profiles are gone.
    """
    section: Any = parse_document(file, text).data.get("influxdb")
    if section is None:
        return None
    try:
        return resolve(InfluxdbSpec.model_validate(section))
    except (ValidationError, ValueError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise UsageError(f"{file}: influxdb: {what}", "run: testbed check BENCH") from None


def check_url(url: str) -> str:
    """Return `url` as it is; raises ValueError when no InfluxDB server can be there."""
    if "@" in url or "?" in url:  # first: what may be a password is never shown
        raise ValueError("an address holds no user, password or query; the token has a key of its own")
    if not url.startswith("${") and urlsplit(_VARIABLE.sub("x", url)).scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no address of a server; write for example http://localhost:8086")
    return url


def _fill_in(text: str, environment: Mapping[str, str]) -> str:
    for name in _VARIABLE.findall(text):
        if not environment.get(name):
            raise UsageError(
                f"influxdb: the environment variable {name} is not set", f"set it: export {name}=..."
            )
    return _VARIABLE.sub(lambda match: environment[match[1]], text)
