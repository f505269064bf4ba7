"""What decoding a session again came to, as one JSON object."""

from __future__ import annotations

from typing import Any

from testbed.session.file.rows import finite
from testbed.signals import Sample

from .decoding import Decoding
from .first import First


def answer(decoding: Decoding) -> dict[str, Any]:
    """Return the verdict, the counts of each device, the first difference and the speed, all plain values."""
    plain: dict[str, Any] = finite(
        {
            "verdict": "same" if decoding.same else "diverged",
            "devices": {
                name: {
                    "frames": device.frames,
                    "decoded": device.decoded,
                    "compared": device.compared,
                    "not_from_bytes": device.not_from_bytes,
                }
                for name, device in decoding.devices.items()
            },
            "not_decoded": decoding.not_decoded,
            "first": None if decoding.first is None else _first(decoding.first),
            "speed": round(decoding.speed, 1),
        }
    )
    return plain


def _first(first: First) -> dict[str, Any]:
    difference, frame = first.difference, first.frame
    return {
        "device": first.signal.device,
        "signal": first.signal.name,
        "time_ns": difference.time_ns,
        "recorded": _sample(difference.recorded),
        "decoded": _sample(difference.decoded),
        "frame": None if frame is None else {"time_ns": frame.time_ns, "bytes": frame.data.hex(" ")},
    }


def _sample(sample: Sample | None) -> dict[str, Any] | None:
    if sample is None:
        return None
    return {"value": sample.value, "quality": sample.quality.word, "reason": sample.reason}
