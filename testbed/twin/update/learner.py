"""Watches how well a model foretells; when it no longer does, finds out what has changed and follows that."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from testbed.bench import LearnPlan
from testbed.signals import Event, Level, Sample
from testbed.twin.estimate import Free, Happened, Innovation, Moment
from testbed.twin.live import LiveTwin
from testbed.twin.models import ModelFailed

from . import words
from .cusum import Alarm, Cusum
from .inquiry import Finding, Inquiry
from .match import Match
from .question import Question
from .suspects import suspects
from .unseen import SlowInputs
from .versions import Version

_S = 1_000_000_000
_BEFORE_NS = 1_000_000_000  # it may have changed so long before the sum began to grow, or as it took to
_BEGINS = 32  # times between then and the alarm at which it may have changed
_KEPT_NS = 60 * _S
_STEPS = 32  # samples that are worked off after each sample
_LEAST_NS = 5 * _S  # of data before anybody is named
_STRAYS_NS = 60 * _S  # of data after which what is no clear change is none
_MOST_NS = 90 * _S  # of data after which nobody will be
_OVER_NOTHING, _OVER_NEXT, _FALSE = 12.0, 10.0, 3.0  # nats
_MOVED, _MUCH = 0.02, 0.05  # share of an input's range: that may raise an alarm, and that spoils all evidence
_FADE_NS, _FORGET_NS = 3 * _S, 20 * _S  # after an input has moved unseen
_QUIET_NS = 60 * _S  # in which nothing is looked for after nothing was found; twice as long each time
_MOST_FAILURES = 5


class Learner:
    """One state after the other: watching, an inquiry, a trial on new data, a time of probation.

    It learns from good samples only, and from none while an input is not known or a sensor is shut out. What
    it is given is worked off after the loops have had their turn, a few samples at a time.
    """

    def __init__(
        self,
        live: LiveTwin,
        plan: LearnPlan,
        name: str,
        report: Callable[[Event], None],
        shift: Callable[[float], None] | None = None,
        versions: Sequence[Version] = (),
    ) -> None:
        """Begin; `shift` moves the setpoint that `plan.excite` names off what it is; None: none may be.

        `versions` are those of sessions before this one.
        """
        self._live = live
        self._plan = plan
        self._name = name
        self._report = report
        self._question = None if plan.excite is None or shift is None else Question(plan.excite, shift)
        self._frees = suspects(live.wiring, plan)
        self._cusums = [Cusum(number, each.resolution) for number, each in enumerate(live.spec.sensors)]
        self._slow = SlowInputs(live.wiring)
        self._least_ns = max(_LEAST_NS, 2 * self._slow.period_ns)
        self._trial_ns = round(plan.trial * _S)
        self._log: deque[Happened] = deque()
        self._moments: deque[Moment] = deque()
        self._alarm: Alarm | None = None
        self._inquiry: Inquiry | None = None
        self._trial: tuple[Match, Version] | None = None
        self._probation: tuple[Match, Version] | None = None
        self._begun_ns = self._looked_ns = self._earlier_ns = self._forget_ns = 0
        self._quiet_ns = self._failures = 0
        self._told = False
        self._reason = ""
        self.versions = list(versions)
        """Those that came into use, the oldest first."""

    # Each sample ----------------------------------------------------------------------------------

    def take(self, happened: Happened, innovation: Innovation | None) -> None:
        """Take what happened, with what was not foretold of it."""
        try:
            self._take(happened, innovation)
        except ModelFailed as error:
            self._lost(happened.time_ns, error)

    def work(self, sample: Sample) -> None:
        """Work on; to be called after the loops had their turn with a sample."""
        try:
            self._work(sample.time_ns)
        except ModelFailed as error:
            self._lost(sample.time_ns, error)

    def _take(self, happened: Happened, innovation: Innovation | None) -> None:
        self._remember(happened)
        moved = self._slow.moved(happened)
        if moved > _MOVED:
            self._moved_unseen(moved, happened.time_ns)
        if self._inquiry is not None:
            self._inquiry.add(happened)
        for match in (self._trial, self._probation):
            if match is not None:
                match[0].add(happened, innovation)
        idle = self._inquiry is None and self._trial is None and happened.time_ns >= self._quiet_ns
        if innovation is not None and innovation.taken and idle:
            alarm = self._cusums[happened.which].take(happened.time_ns, innovation)
            if alarm is not None:
                self._begin(alarm, happened.time_ns)

    def _work(self, now_ns: int) -> None:
        if self._question is not None:
            self._question.work(now_ns)
        if self._inquiry is not None:
            if self._live.unknown() or self._live.disbelieved():
                self._give_up()
                return
            self._inquiry.work(_STEPS)
            if now_ns - self._looked_ns >= _S:
                self._looked_ns = now_ns
                self._look(now_ns)
        if self._trial is not None and self._trial[0].work(now_ns, _STEPS):
            self._decide(now_ns)
        if self._probation is not None and self._probation[0].work(now_ns, _STEPS):
            self._confirm(now_ns)

    def _lost(self, now_ns: int, error: ModelFailed) -> None:
        """Leave off: the model fails where it is asked what would be if something else were the case."""
        self._trial = self._probation = None
        self._rest(now_ns)
        text = f"{self._name}: what has changed cannot be found out: {error.args[0]}"
        self._tell(now_ns, Level.WARNING, "unclear", text)

    def _remember(self, happened: Happened) -> None:
        tracker = self._live.tracker
        self._log.append(happened)
        if tracker.begun and (not self._moments or happened.time_ns - self._moments[-1].time_ns >= _S):
            self._moments.append(tracker.moment())
        while self._log[0].time_ns < happened.time_ns - _KEPT_NS:
            self._log.popleft()
        while self._moments and self._moments[0].time_ns < happened.time_ns - _KEPT_NS:
            self._moments.popleft()

    def _moved_unseen(self, share: float, now_ns: int) -> None:
        """Take into account that an input has moved, nobody knows when: it may be the cause of all this."""
        for cusum in self._cusums:
            cusum.reset()
        much = share > _MUCH
        if self._alarm is not None and (much or not self._told):
            earlier_ns = self._alarm.since_ns if self._told else 0
            self._give_up()
            self._earlier_ns, self._forget_ns = earlier_ns, now_ns + _FORGET_NS
        if much:  # what was reckoned without knowing it has to fade first
            self._quiet_ns = max(self._quiet_ns, now_ns + _FADE_NS)
        for match in (self._trial, self._probation):
            if match is not None and much:  # what both made of the last seconds says nothing about either
                match[0].restart(now_ns + self._trial_ns)

    def _give_up(self) -> None:
        """Forget what is suspected; what is real will show again."""
        self._inquiry = self._alarm = None
        self._earlier_ns = 0
        for cusum in self._cusums:
            cusum.reset()

    # Who is it? -----------------------------------------------------------------------------------

    def _begin(self, alarm: Alarm, now_ns: int) -> None:
        if self._earlier_ns and now_ns < self._forget_ns:  # it was seen before, and lost sight of
            alarm = alarm._replace(since_ns=max(self._earlier_ns, self._log[0].time_ns))
        before_ns = max(_BEFORE_NS, now_ns - alarm.since_ns)
        begins = np.linspace(alarm.since_ns - before_ns, now_ns, _BEGINS).astype(int).tolist()
        known = [moment for moment in self._moments if moment.time_ns <= begins[0]] or list(self._moments)[:1]
        if not known:
            self._give_up()
            return
        start = known[-1]
        self._alarm, self._begun_ns, self._looked_ns, self._told = alarm, now_ns, now_ns, False
        begins = sorted({max(each, start.time_ns) for each in begins})
        self._inquiry = Inquiry(self._live.tracker.copy(start), self._frees, begins)
        for happened in self._log:
            if happened.time_ns > start.time_ns:
                self._inquiry.add(happened)
        self._tell_misfit(alarm, now_ns)

    def _tell_misfit(self, alarm: Alarm, now_ns: int) -> None:
        """Tell of the alarm, once it is known that no input has moved unseen."""
        if not self._told and now_ns - self._begun_ns >= self._slow.period_ns:
            self._told = True
            self._reason = words.misfit(self._live.spec, alarm, now_ns)
            text = f"the model of {self._name} no longer fits: {self._reason}; looking for what has changed"
            self._tell(now_ns, Level.WARNING, "misfit", text)

    def _look(self, now_ns: int) -> None:
        """See whether the inquiry has found something out."""
        assert self._inquiry is not None  # noqa: S101  (asked only while there is one)
        assert self._alarm is not None  # noqa: S101
        self._tell_misfit(self._alarm, now_ns)
        lasted_ns = now_ns - self._alarm.since_ns
        finding = self._inquiry.finding()
        if finding is None or lasted_ns < self._least_ns or not self._told:
            return
        alike = finding.over_next <= _OVER_NEXT
        plain = finding.over_nothing > _OVER_NOTHING and not alike
        strays = finding.over_nothing < _FALSE or (plain and not finding.changed)
        if strays and lasted_ns > _STRAYS_NS:
            if self._told:
                self._tell(now_ns, Level.INFO, "fits", f"the model of {self._name} fits after all")
            self._give_up()
        elif plain and finding.fits and finding.seen and finding.changed:
            self._name_it(finding, self._inquiry, now_ns)
        elif self._question is not None and self._told and self._would_tell(finding, now_ns):
            text = words.asked(self._name, finding, self._question.plan)
            self._tell(now_ns, Level.INFO, "asks", text)
        elif lasted_ns > _MOST_NS:
            self._tell(now_ns, Level.WARNING, "unclear", words.unclear(self._name, finding, alike=alike))
            self._rest(now_ns)

    def _would_tell(self, finding: Finding, now_ns: int) -> bool:
        """Ask, if an answer would help: what sensors say of each other, no setpoint changes."""
        assert self._question is not None  # noqa: S101  (asked only where there is one)
        sensors = {each.name for each in self._frees if each.of_sensor}
        return not {finding.suspect.free.name, finding.next_name} <= sensors and self._question.ask(now_ns)

    def _name_it(self, finding: Finding, inquiry: Inquiry, now_ns: int) -> None:
        suspect = finding.suspect
        value = self._believed(suspect.free) + finding.change
        version = self._version(suspect.free, value, finding.sigma, suspect.begin_ns, now_ns)
        version = replace(version, reason=self._reason)
        text = words.cause(self._name, version, finding, self._plan.trial)
        self._tell(now_ns, Level.WARNING, "cause", text)
        challenger, begin = self._live.tracker.copy(inquiry.start), (suspect.begin_ns, suspect.free)
        self._trial = Match(challenger, self._trial_ns, inquiry.happened, begin), version
        self._give_up()

    def _believed(self, free: Free) -> float:
        """Return what is believed of something, in the model's unit."""
        tracker = self._live.tracker
        if free.name in {each.name for each in tracker.followed.free}:
            return tracker.free(free.name)[0]
        return tracker.followed.believed(free)

    def _version(self, free: Free, value: float, sigma: float, since_ns: int, until_ns: int) -> Version:
        wiring, before = self._live.wiring, self._believed(free)
        if free.of_sensor:
            unit = wiring.spec.sensors[free.index].residual.unit
            scale = wiring.scales[free.index]
            before, value, sigma = (scale.difference(each) for each in (before, value, sigma))
        else:
            unit = wiring.model.PARAMETERS[free.index].unit
        number = len(self.versions) + 2  # the first is what the bench file says
        return Version(
            number, free.name, free.of_sensor, unit, before, value, abs(sigma), since_ns, until_ns, 0.0
        )

    # Is it better? --------------------------------------------------------------------------------

    def _decide(self, now_ns: int) -> None:
        """End a trial: the new version is used if it foretold better what it had not seen."""
        assert self._trial is not None  # noqa: S101  (asked only while there is one)
        (match, version), self._trial = self._trial, None
        if match.gain <= 0:
            text = words.rejected(self._name, version, self._plan.trial, match.gain)
            self._tell(now_ns, Level.WARNING, "rejected", text)
            self._rest(now_ns)
            return
        challenger = match.challenger
        free = next(each for each in challenger.followed.free if each.name == version.name)
        found = self._version(free, *challenger.free(free.name), version.since_ns, now_ns)
        version = replace(found, before=version.before, gain=match.gain, reason=version.reason)
        self._probation = Match(self._live.tracker, self._trial_ns), version
        self._adopt(match)
        self.versions.append(version)
        self._failures = 0
        self._tell(now_ns, Level.INFO, "version", words.used(self._name, version, self._plan.trial))

    def _confirm(self, now_ns: int) -> None:
        """End a probation: the version before comes back if it would have foretold better."""
        assert self._probation is not None  # noqa: S101  (asked only while there is one)
        (match, version), self._probation = self._probation, None
        if match.gain > _FALSE:
            self._adopt(match)
            self.versions[-1] = replace(version, taken_back=True)
            text = words.taken_back(self._name, version, match.gain)
            self._tell(now_ns, Level.WARNING, "rolled-back", text)
            self._rest(now_ns)

    def _rest(self, now_ns: int) -> None:
        """Look for nothing for a while: what was not found now will hardly be found at once."""
        self._give_up()
        self._quiet_ns = now_ns + (_QUIET_NS << min(self._failures, _MOST_FAILURES))
        self._failures += 1

    def _adopt(self, match: Match) -> None:
        self._live.adopt(match.challenger)
        self._log.clear()  # what was reckoned by the version before begins no inquiry with this one
        self._moments.clear()
        self._give_up()

    def _tell(self, now_ns: int, level: Level, kind: str, text: str) -> None:
        self._report(Event(now_ns, level, self._name, kind, text))
