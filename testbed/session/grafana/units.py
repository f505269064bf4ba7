"""Units of signals as Grafana calls them.

Source: the ids in @grafana/data 11.6.0, src/valueFormats/categories.ts. What Grafana does not know by an id
is shown behind the number as it stands in the profile: `suffix:X` is a unit of its own to Grafana.
"""

from __future__ import annotations

KNOWN = {
    "%": "percent", "%RH": "humidity", "A": "amp", "Hz": "hertz", "J": "joule", "K": "kelvin", "N": "forceN",
    "Pa": "pressurepa", "V": "volt", "VA": "voltamp", "W": "watt", "Wh": "watth", "bar": "pressurebar",
    "bit": "bits", "byte": "bytes", "dB": "dB", "dBm": "dBm", "deg": "degree",
    "degC": "celsius", "degF": "fahrenheit", "degree": "degree", "ft": "lengthft", "g": "massg", "h": "h",
    "hPa": "pressurehpa", "inch": "lengthin", "kHz": "rotkhz", "kN": "forcekN", "kPa": "pressurekpa",
    "kV": "kvolt", "kW": "kwatt", "kWh": "kwatth", "kg": "masskg", "km": "lengthkm", "km/h": "velocitykmh",
    "kohm": "kohm", "l": "litre", "lm": "lumens", "lux": "lux", "m": "lengthm", "m/s": "velocityms",
    "m/s**2": "accMS2", "mA": "mamp", "mV": "mvolt", "mW": "mwatt", "mbar": "pressurembar", "mg": "massmg",
    "min": "m", "mm": "lengthmm", "mohm": "mohm", "ms": "ms", "ns": "ns", "ohm": "ohm", "ppm": "ppm",
    "psi": "pressurepsi", "rad": "radian", "rad/s": "rotrads", "rpm": "rotrpm", "s": "s", "us": "µs",
}  # fmt: skip

OTHERS = {"none", "short", "string", "dateTimeAsIso", "dateTimeFromNow", "dtdurations"}
"""Ids that are no unit of a signal: how counts, texts and times are shown."""


def grafana_unit(unit: str) -> str:
    """Return Grafana's id for a unit as a profile writes it."""
    if not unit:
        return "none"
    return KNOWN.get(unit, f"suffix:{unit}")


def is_known(unit: str) -> bool:
    """Return whether Grafana knows what to do with an id."""
    return unit in OTHERS or unit in KNOWN.values() or unit.startswith("suffix:")
