"""InfluxQL statements about what the forwarder wrote; they run on InfluxDB 1, 2 and 3.

Source: InfluxQL specification. What only Grafana fills in ($timeFilter, $__interval, $session, $device) is
left as it is.
"""

from __future__ import annotations

from testbed.session.forward import names

SESSION = '"session" =~ /^$session$/'
EVERY = "GROUP BY time($__interval)"


def text(value: str) -> str:
    """Return a string literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def name(value: str) -> str:
    """Return a name in quotes: of a measurement, tag or field."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def select(
    what: str, measurement: str, bench: str, *conditions: str, then: str = "", timed: bool = True
) -> str:
    """Return a statement about the chosen sessions of a bench; `timed`: only the time that is shown."""
    where = [f'"bench" = {text(bench)}', SESSION, *conditions, *(["$timeFilter"] if timed else [])]
    return statement(what, measurement, where, then)


def statement(what: str, measurement: str, where: list[str], then: str = "") -> str:
    """Return a statement from its parts, which are quoted already."""
    return f"SELECT {what} FROM {name(measurement)} WHERE {' AND '.join(where)} {then}".rstrip()  # noqa: S608


def good(device: str) -> tuple[str, str]:
    """Return the conditions for the good samples of one device."""
    return f'"device" = {text(device)}', "\"quality\" = 'good'"


def band(field: str, measurement: str, bench: str, *conditions: str) -> str:
    """Return the curve of a field with its lowest and highest values: no spike is averaged away."""
    column = name(field)
    what = f'mean({column}) AS "mean", min({column}) AS "min", max({column}) AS "max"'
    return select(what, measurement, bench, *conditions, then=f"{EVERY} fill(null)")


def curve(field: str, measurement: str, bench: str, *conditions: str) -> str:
    """Return the curve of a field."""
    return select(f"mean({name(field)})", measurement, bench, *conditions, then=f"{EVERY} fill(null)")


def reach(field: str, sigma: str, measurement: str, bench: str, *conditions: str) -> str:
    """Return the curves two standard deviations above and below a field: 95 of 100 lie between them."""
    middle, spread = f"mean({name(field)})", f"mean({name(sigma)})"
    what = f'{middle} + 2 * {spread} AS "above", {middle} - 2 * {spread} AS "below"'
    return select(what, measurement, bench, *conditions, then=f"{EVERY} fill(null)")


def newest(field: str, measurement: str, bench: str, *conditions: str) -> str:
    """Return the newest value of a field."""
    return select(f"last({name(field)})", measurement, bench, *conditions)


def percentiles(field: str, bench: str, loop: str) -> str:
    """Return how a duration of a loop's cycles was spread: half, 99 of 100, and the longest."""
    column = name(field)
    what = f'percentile({column}, 50) AS "p50", percentile({column}, 99) AS "p99", max({column}) AS "max"'
    then = f"{EVERY} fill(none)"
    return select(what, names.CYCLE, bench, f'"loop" = {text(loop)}', then=then)


def tag_values(tag: str, measurement: str, bench: str) -> str:
    """Return the statement that lists what a variable may be."""
    return f'SHOW TAG VALUES FROM {name(measurement)} WITH KEY = {name(tag)} WHERE "bench" = {text(bench)}'
