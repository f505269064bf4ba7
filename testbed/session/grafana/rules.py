"""Alert rules made from a bench: quiet while it rests, loud when something on it goes wrong.

Source: Grafana's file provisioning of alerting, apiVersion 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from testbed.bench import Bench, Expectation, Loop
from testbed.session.forward import names

from . import queries
from .model import SOURCE_UID, Json, Query
from .parts import measurement

_WINDOW_S = 300
_EXPRESSION = "__expr__"


def alert_rules(bench: Bench) -> Json:
    """Return the provisioning file of the bench's alert rules."""
    rules = [
        *(_offline(bench.name, device) for device in bench.devices),
        _errors(bench.name),
        *(_acted_safe(bench.name, loop) for loop in bench.loops.values()),
        *(_late(bench.name, loop) for loop in bench.loops.values()),
        *_bands(bench),
    ]
    group: Json = {
        "orgId": 1, "name": f"testbed {bench.name}", "folder": "testbed", "interval": "30s", "rules": rules,
    }  # fmt: skip
    return {"apiVersion": 1, "groups": [group]}


def _offline(bench: str, device: str) -> Json:
    source = f'"source" = {queries.text(device)}'
    statement = _select('last("online")', names.EVENT, bench, source, '"kind" =~ /^(online|offline)$/')
    return _rule(bench, f"{device} is offline", statement, "last", "lt", 0.5, "the events say why")


def _errors(bench: str) -> Json:
    statement = _select('count("text")', names.EVENT, bench, "\"level\" = 'error'")
    return _rule(bench, "an error was told", statement, "sum", "gt", 0, "the events say why")


def _acted_safe(bench: str, loop: Loop) -> Json:
    statement = _select('sum("acted_safe")', names.CYCLE, bench, f'"loop" = {queries.text(loop.name)}')
    text = f"no good sample of {loop.reads.path} for {loop.stale_after_ns / 1e9:g} s"
    return _rule(bench, f"loop {loop.name} acted safe", statement, "sum", "gt", 0, text)


def _late(bench: str, loop: Loop) -> Json:
    column = '"acknowledged_ns"'
    statement = _select(
        f"percentile({column}, 99)", names.CYCLE, bench, f'"loop" = {queries.text(loop.name)}'
    )
    text = f"99 of 100 commands should be acknowledged within its period of {loop.period_ns / 1e9:g} s"
    return _rule(
        bench, f"loop {loop.name} is slower than its period", statement, "max", "gt", loop.period_ns, text
    )


def _bands(bench: Bench) -> Iterator[Json]:
    """Yield a rule for every expectation that holds at all times: it speaks up before the run is over."""
    for expectation in bench.expectations:
        if expectation.kind == "stays" and expectation.after == 0:
            yield from _band(bench, expectation)


def _band(bench: Bench, expectation: Expectation) -> Iterator[Json]:
    signal = bench.by_path[expectation.signal]
    where = measurement(bench, signal)
    for limit, function, evaluator in ((expectation.high, "max", "gt"), (expectation.low, "min", "lt")):
        if math.isfinite(limit):
            what = f"{function}({queries.name(signal.name)})"
            statement = _select(what, where, bench.name, *queries.good(signal.device))
            side = "above" if evaluator == "gt" else "below"
            title = f"{signal.path} is {side} {limit:g} {signal.unit}".rstrip()
            yield _rule(bench.name, title, statement, function, evaluator, limit, expectation.text)


def _select(what: str, measurement: str, bench: str, *conditions: str) -> str:
    """Return a statement about all sessions: an alert has no variables."""
    where = [f'"bench" = {queries.text(bench)}', *conditions, "$timeFilter"]
    return queries.statement(what, measurement, where)


def _rule(
    bench: str, title: str, statement: str, reducer: str, evaluator: str, limit: float, summary: str
) -> Json:
    """Return a rule: reduce what the statement gives to a number and compare it."""
    reduce = {"type": "reduce", "expression": "A", "reducer": reducer, "settings": {"mode": "dropNN"}}
    condition = {"evaluator": {"type": evaluator, "params": [limit]}}
    threshold = {"type": "threshold", "expression": "B", "conditions": [condition]}
    return {
        "uid": names.dashboard_uid(bench, f"alert {title}"),
        "title": title,
        "condition": "C",
        "data": [
            _step("A", SOURCE_UID, Query(statement).as_json("A")),
            _step("B", _EXPRESSION, reduce),
            _step("C", _EXPRESSION, threshold),
        ],
        "for": "0s",
        "noDataState": "OK",  # a bench at rest sends nothing
        "execErrState": "Error",
        "labels": {"bench": bench},
        "annotations": {
            "summary": f"{bench}: {title}",
            "description": f"{summary}; see /d/{names.dashboard_uid(bench, 'overview')}",
        },
    }


def _step(ref: str, source: str, model: Json) -> Json:
    span = {"from": _WINDOW_S, "to": 0}
    return {
        "refId": ref,
        "datasourceUid": source,
        "relativeTimeRange": span,
        "model": {**model, "refId": ref},
    }
