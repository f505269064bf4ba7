"""Names as bench files write them: of devices, twins and loops, and of signals."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def _name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise ValueError("is no name; use letters, digits and _, not a digit first")
    return text


def _signal_path(text: str) -> str:
    if not re.fullmatch(rf"{_NAME}\.{_NAME}", text):
        raise ValueError("is no signal; write device.signal, for example probe.temperature")
    return text


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME}$"})]
SignalPath = Annotated[
    str,
    AfterValidator(_signal_path),
    WithJsonSchema({"type": "string", "pattern": rf"^{_NAME}\.{_NAME}$"}),
]
