"""An FMU is a model as any other: discovered, stepped, forked, kept; what it cannot do it says."""

from __future__ import annotations

import gc
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.errors import DamagedInput, UsageError
from testbed.twin.estimate import ExtendedKalman, Followed
from testbed.twin.models import Model, model_class
from testbed.twin.models.composed import Composed
from testbed.twin.models.fmu import FmuFailed, Kind, fmu_model, try_out
from testbed.twin.predict import foretell

from . import fmus

pytestmark = pytest.mark.needs_system("gcc")

ON = (40.0, 1500.0)  # % of the heater, rpm of the fan
COPIES = {"canGetAndSetFMUState": True, "canSerializeFMUState": True}
NOTHING = (math.nan, math.nan)

both_kinds = pytest.mark.parametrize("kind", list(Kind))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fmus")


@pytest.fixture(scope="module")
def chamber(folder: Path) -> Path:
    return fmus.chamber(folder)


@pytest.fixture(scope="module")
def counter(folder: Path) -> Path:
    return fmus.counter(folder)


@pytest.fixture(scope="module")
def ball(folder: Path) -> Path:
    return fmus.ball(folder, **COPIES)


def go(model: Model, state: tuple[float, ...], inputs: tuple[float, ...], steps: int) -> tuple[float, ...]:
    for _ in range(steps):
        state = model.step(state, inputs, 0.25)
    return state


# What it says of itself ---------------------------------------------------------------------------


def test_variables_units_and_bounds_come_from_its_description(chamber: Path) -> None:
    model = fmu_model(chamber, {"ambient": 5.0})
    duty = model.INPUTS[0]
    assert (duty.name, duty.unit, duty.low, duty.high) == ("heater_duty", "%", 0.0, 100.0)
    assert [each.name for each in model.OUTPUTS] == ["air", "load"]
    assert [each.name for each in model.STATES] == ["air", "load", "time"]
    assert model.PARAMETERS[2].unit == "W"
    assert model.parameters == (45.0, 40.0, 500.0, 0.8, 2.0, 6.0, 5.0)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [({"ambience": 1.0}, "there is no parameter 'ambience'.*ambient"), ({"heater_power": -1.0}, "from 0")],
)
def test_parameters_that_cannot_be_are_refused(
    chamber: Path, parameters: dict[str, float], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        fmu_model(chamber, parameters)


def test_what_is_no_fmu_for_this_machine_is_refused_by_name(chamber: Path, tmp_path: Path) -> None:
    def refused(error: type[Exception], told: str, file: Path, kind: Kind | None = None) -> None:
        with pytest.raises(error, match=told):
            fmu_model(file, kind=kind)

    def packed(name: str, **files: str) -> Path:
        file = tmp_path / name
        with zipfile.ZipFile(file, "w") as archive:
            for inner, text in files.items():
                archive.writestr(inner.replace("_", ".", 1), text)
        return file

    described = zipfile.ZipFile(chamber).read("modelDescription.xml").decode()
    old = '<fmiModelDescription fmiVersion="1.0"/>'
    broken = tmp_path / "broken.fmu"
    broken.write_bytes(chamber.read_bytes()[:-100])
    refused(UsageError, "there is no such FMU", tmp_path / "none.fmu")
    refused(DamagedInput, "no zip archive", broken)
    refused(DamagedInput, "has no modelDescription.xml", packed("empty.fmu", read_me=""))
    refused(DamagedInput, "cannot be read", packed("torn.fmu", modelDescription_xml=described[:900]))
    refused(UsageError, "FMI 1.0", packed("old.fmu", modelDescription_xml=old))
    refused(UsageError, "no library for linux64", packed("else.fmu", modelDescription_xml=described))


def test_it_is_asked_for_what_it_does_not_offer(counter: Path) -> None:
    with pytest.raises(UsageError, match="is not for model-exchange"):
        fmu_model(counter, kind=Kind.EXCHANGE)


# It goes as it should -----------------------------------------------------------------------------


@both_kinds
def test_it_goes_where_our_own_model_of_the_same_physics_goes(chamber: Path, kind: Kind) -> None:
    model, own = fmu_model(chamber, {"ambient": 15.0}, kind=kind), model_class("thermal")({"ambient": 15.0})
    state, known = model.begin((30.0, math.nan), ON), own.begin((30.0, 22.0), (*ON, 0.0))
    state, known = go(model, state, ON, 40), go(own, known, (*ON, 0.0), 40)
    assert model.output(state, ON) == pytest.approx(own.output(known, (*ON, 0.0)), abs=1e-5)


def test_a_ball_bounces_where_it_should(ball: Path) -> None:
    model = fmu_model(ball)
    state = model.begin(NOTHING, ())
    state = model.step(model.step(state, (), 0.3), (), 0.6)
    falls = math.sqrt(2 / 9.81)
    since, up = 0.9 - falls, 0.7 * 9.81 * falls
    expected = (up * since - 9.81 / 2 * since**2, up - 9.81 * since)
    assert model.output(state, ()) == pytest.approx(expected, abs=1e-8)


@both_kinds
def test_it_begins_as_is_measured(chamber: Path, kind: Kind) -> None:
    model = fmu_model(chamber, kind=kind)
    assert model.output(model.begin((51.5, 33.25), ON), ON) == pytest.approx((51.5, 33.25), abs=1e-6)


def test_near_a_point_it_is_its_linear_form(chamber: Path) -> None:
    model, own = fmu_model(chamber), model_class("thermal")({})
    linear = model.linearise((60.0, 45.0, 0.0), ON, 0.5)
    known = own.linearise((60.0, 45.0), (*ON, 0.0), 0.5)
    assert linear.a[:2, :2] == pytest.approx(known.a, abs=1e-6)
    assert linear.b[:2] == pytest.approx(known.b[:, :2], abs=1e-6)
    assert model.transition((60.0, 45.0, 0.0), ON, 0.5) == pytest.approx(linear.a)


def test_one_that_hides_its_state_has_no_linear_form_and_says_why(chamber: Path) -> None:
    model = fmu_model(chamber, kind=Kind.COSIMULATION)
    with pytest.raises(ValueError, match="hides its state"):
        model.linearise(model.begin(NOTHING, ON), ON, 0.5)


@both_kinds
def test_a_filter_follows_it_and_foretells_by_its_steps(chamber: Path, kind: Kind) -> None:
    own = model_class("thermal")({})
    noises = {"air": 0.05, "load": 0.05}
    followed = ExtendedKalman(Followed(fmu_model(chamber, kind=kind, noises=noises)))
    truth, inputs = (40.0, 30.0), (*ON, 0.0)
    followed.begin([41.0, 30.0], ON)
    for _ in range(60):
        truth = own.step(truth, inputs, 0.5)
        followed.predict(0.5, ON)
        for sensor, value in enumerate(truth):
            followed.correct(sensor, value, ON)
    assert [followed.expect(sensor, ON)[0] for sensor in (0, 1)] == pytest.approx(truth, abs=0.1)
    course = foretell(followed, [(10.0, ON), (20.0, (0.0, 1500.0))], 60)
    later = own.step(own.step(truth, inputs, 10.0), (0.0, 1500.0, 0.0), 20.0)
    assert course.values[-1] == pytest.approx(later, abs=0.2)


def test_it_is_a_part_as_any_other(chamber: Path) -> None:
    def whole(heat: Model) -> Composed:
        return Composed({}, {"heat": heat, "fan": model_class("fan")({})}, {"heat.fan_speed": "fan.speed"})

    theirs, ours = whole(fmu_model(chamber)), whole(model_class("thermal")({}))
    state = theirs.begin((40.0, 30.0, 0.0, math.nan), (40.0, 60.0))
    known = ours.begin((40.0, 30.0, 0.0, math.nan), (40.0, 0.0, 60.0))
    told = theirs.output(theirs.step(state, (40.0, 60.0), 3.0), (40.0, 60.0))
    expected = ours.output(ours.step(known, (40.0, 0.0, 60.0), 3.0), (40.0, 0.0, 60.0))
    assert told == pytest.approx(expected, abs=1e-6)


def test_one_of_fixed_steps_is_taken_by_those(tmp_path: Path) -> None:
    model = fmu_model(fmus.counter(tmp_path, canHandleVariableCommunicationStepSize=False))
    state, inputs = model.begin(NOTHING, (1.0,)), (1.0,)
    told = [model.output(state := model.step(state, inputs, 0.3), inputs)[1] for _ in range(5)]
    assert told == [0.0, 1.0, 1.0, 2.0, 3.0]


def test_one_that_has_events_and_cannot_be_copied_goes_by_its_continuous_states(tmp_path: Path) -> None:
    model = fmu_model(fmus.ball(tmp_path))
    assert model.FORKS == "by its continuous states alone; what else it remembers cannot be copied"
    state = model.step(model.begin(NOTHING, ()), (), 0.3)
    bounced = model.output(model.step(state, (), 0.6), ())
    assert bounced[1] < 0 < bounced[0] < 0.5
    assert model.output(model.step(state, (), 0.6), ()) == pytest.approx(bounced, abs=1e-9)


# It forks -----------------------------------------------------------------------------------------


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.sampled_from(["exchange", "copies", "replays", "events"]), steps=st.integers(1, 6))
def test_a_fork_goes_as_what_it_was_forked_from(
    chamber: Path, counter: Path, ball: Path, which: str, steps: int
) -> None:
    model, inputs = {
        "exchange": lambda: (fmu_model(chamber, kind=Kind.EXCHANGE), ON),
        "copies": lambda: (fmu_model(chamber, kind=Kind.COSIMULATION), ON),
        "replays": lambda: (fmu_model(counter), (1.5,)),
        "events": lambda: (fmu_model(ball), ()),
    }[which]()
    fork = go(model, model.begin(NOTHING, inputs), inputs, steps)
    there = model.output(go(model, fork, inputs, 3), inputs)
    go(model, fork, tuple(2 * each for each in inputs), 2)
    assert model.output(go(model, fork, inputs, 3), inputs) == there
    back = model.restore(model.save(fork))
    assert model.output(go(model, back, inputs, 3), inputs) == there
    model.close()


def test_it_says_how_it_forks(chamber: Path, counter: Path, ball: Path) -> None:
    assert fmu_model(chamber).FORKS == "by its continuous states"
    assert fmu_model(chamber, kind=Kind.COSIMULATION).FORKS == "by copies of the FMU"
    assert fmu_model(counter).FORKS == "by doing again all since the beginning"
    assert fmu_model(ball).FORKS == "by its continuous states and copies"


@both_kinds
def test_a_saved_state_goes_on_in_another_run(chamber: Path, kind: Kind) -> None:
    first, other = fmu_model(chamber, kind=kind), fmu_model(chamber, kind=kind)
    state = go(first, first.begin((30.0, 25.0), ON), ON, 5)
    there = other.output(go(other, other.restore(first.save(state)), ON, 5), ON)
    assert there == first.output(go(first, state, ON, 5), ON)


@both_kinds
@pytest.mark.parametrize("saved", [b"", b"[]", b'{"fmu": "else", "state": [1, 2, 3]}'])
def test_what_is_none_of_its_states_is_refused(chamber: Path, kind: Kind, saved: bytes) -> None:
    with pytest.raises(ValueError, match=r"no saved state of chamber\.fmu"):
        fmu_model(chamber, kind=kind).restore(saved)


@both_kinds
def test_many_cases_at_once_go_as_each_alone(chamber: Path, kind: Kind) -> None:
    model = fmu_model(chamber, kind=kind)
    start = model.begin((30.0, 25.0), ON)
    duties = np.array([[0.0, 20.0], [50.0, 100.0]])
    after = model.step(start, (duties, ON[1]), 2.0)
    told = model.output(after, (duties, ON[1]))
    for place in np.ndindex(2, 2):
        alone = (float(duties[place]), ON[1])
        assert [each[place] for each in told] == list(model.output(model.step(start, alone, 2.0), alone))


@both_kinds
def test_parameters_of_one_call_leave_no_trace(chamber: Path, kind: Kind) -> None:
    model = fmu_model(chamber, kind=kind)
    start = model.begin((30.0, 25.0), ON)
    before = model.output(model.step(start, ON, 1.0), ON)
    weak = (*model.parameters[:2], 100.0, *model.parameters[3:])
    assert model.output(model.step(start, ON, 1.0, weak), ON)[0] < before[0]
    assert model.output(model.step(start, ON, 1.0), ON) == before


def test_a_state_that_is_no_longer_kept_is_refused(chamber: Path) -> None:
    model = fmu_model(chamber, kind=Kind.COSIMULATION)
    with pytest.raises(FmuFailed, match="no longer kept"):
        model.output((0.0, 0.0, 77.0), ON)


# It fails -----------------------------------------------------------------------------------------


def test_when_it_fails_it_is_told_in_its_own_words(chamber: Path) -> None:
    model = fmu_model(chamber, kind=Kind.COSIMULATION)
    state = model.begin(NOTHING, ON)
    with pytest.raises(FmuFailed, match=r"(?s)go on from 0 s by 1 s.*the heater cannot be driven at 140 %"):
        model.step(state, (140.0, 0.0), 1.0)
    assert model.output(model.step(state, ON, 1.0), ON)[0] > 22.0


def test_one_that_failed_for_good_is_called_no_more(counter: Path) -> None:
    model = fmu_model(counter)
    state = model.begin(NOTHING, (1.0,))
    with pytest.raises(FmuFailed, match=r"(?s)fatal.*the rate is below 0"):
        model.step(state, (-1.0,), 1.0)
    with pytest.raises(FmuFailed, match="failed for good"):
        model.step(state, (1.0,), 1.0)
    model.close()


def test_a_parameter_that_is_fixed_cannot_change_on_the_way(counter: Path) -> None:
    model = fmu_model(counter)
    with pytest.raises(ValueError, match="cannot change gain"):
        model.step(model.begin(NOTHING, (1.0,)), (1.0,), 1.0, (3.0,))


def test_a_step_that_would_take_for_ever_is_refused(chamber: Path) -> None:
    model = fmu_model(chamber)
    state = model.begin(NOTHING, ON)
    with pytest.raises(FmuFailed, match="more than 1000000 steps"):
        model.step(state, ON, 1e7)


def test_a_crash_is_caught_in_a_process_of_its_own(chamber: Path, tmp_path: Path) -> None:
    crashing = tmp_path / "crashing"
    crashing.mkdir()
    for part in ("chamber.c", "unused.c", "modelDescription.xml"):
        text = (fmus.ROOT / "benches/chamber-fmu" / part).read_text()
        (crashing / part).write_text(text.replace("double *v = chamber->values;", "double *v = NULL;"))
    file = fmus.build(crashing, tmp_path / "crashing.fmu")
    with pytest.raises(FmuFailed, match=r"crashes \(SIGSEGV\)"):
        try_out(file, Kind.COSIMULATION)


def test_its_files_go_with_it(chamber: Path) -> None:
    model = fmu_model(chamber)
    place = model.archive.folder
    assert place.is_dir()
    model.close()
    del model
    gc.collect()
    assert not place.exists()
