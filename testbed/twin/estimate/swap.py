"""Replaces a part of a composed model in a filter that runs: what is known of the other parts stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from testbed.errors import UsageError
from testbed.twin.models import Model
from testbed.twin.models.composed import Composed

from .followed import Followed
from .tracker import Tracker

_UNKNOWN = 10.0  # times the largest noise of a sensor, as at the beginning of a filter


def swapped(tracker: Tracker, part: str, model: Model) -> Tracker:
    """Return a copy of a tracker that goes on with another model as a part.

    The new part is as uncertain as at a beginning, and correlated with nothing. Raises UsageError for a
    tracker that has not begun or whose model is not composed, ValueError for a part that does not fit.
    """
    followed, old = tracker.followed, tracker.followed.model
    if not isinstance(old, Composed) or not tracker.begun:
        raise UsageError("only a composed model that has begun can have a part replaced", "wait for a sample")
    moment = tracker.moment()
    composed, own = old.swap(part, model, moment.state[: followed.own], moment.inputs)
    names = [each.name for each in composed.PARAMETERS]
    free = [
        each if each.of_sensor else replace(each, index=names.index(each.name))
        for each in followed.free
        if each.of_sensor or each.name in names
    ]
    new = Followed(composed, followed.sensors, free)
    kept = _kept(followed, new, old.places(part), composed.places(part))
    state = np.array((*own, *(0.0,) * (new.count - new.own)), dtype=float)
    spread = np.full(new.count, _UNKNOWN * max(new.noises))
    spread[new.carried] = 0.0
    covariance = np.diag(np.square(spread))
    before, after = zip(*kept, strict=True)
    state[list(after)] = np.array(moment.state, dtype=float)[list(before)]
    covariance[np.ix_(after, after)] = moment.covariance[np.ix_(before, before)]
    copy = Tracker(new, moment.inputs, tracker.piece_ns, tracker.kind)
    copy.resume(moment._replace(state=tuple(state.tolist()), covariance=covariance))
    return copy


def _kept(old: Followed, new: Followed, was: range, now: range) -> list[tuple[int, int]]:
    """Return where each state that stays was, and where it is now."""
    more = len(now) - len(was)
    places = [(at, at) for at in range(was.start)]
    places += [(at, at + more) for at in range(was.stop, old.count - len(old.free))]
    return places + [(old.place(each.name), new.place(each.name)) for each in new.free]
