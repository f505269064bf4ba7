"""What is learned from data finds what is there, says how sure it is, and is a model as any other."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.errors import DamagedInput, UsageError
from testbed.twin.estimate import ExtendedKalman, Followed, Sensor
from testbed.twin.models import Model, Variable, model_class
from testbed.twin.models.composed import Composed
from testbed.twin.models.learned import Arx, ArxLearner, GaussianProcess, Onnx, lasso

RESIDUAL = Variable("error", "K")
DUTY, SPEED = Variable("heater_duty", "%"), Variable("fan_speed", "rpm")
TRUE = {"a1": 0.8, "heater_duty_1": 0.01, "offset": -0.1}


def moved(count: int, sigma: float, seed: int = 1) -> tuple[list[float], list[list[float]]]:
    """Return residuals of TRUE and the two inputs, of which the second does nothing."""
    chance = np.random.default_rng(seed)
    inputs = np.column_stack((chance.uniform(0, 100, count), chance.uniform(0, 3000, count)))
    residuals = [0.0]
    for duty in inputs[:-1, 0]:
        residuals.append(0.8 * residuals[-1] + 0.01 * duty - 0.1 + sigma * chance.standard_normal())
    return residuals, inputs.tolist()


def learned(count: int = 400, sigma: float = 0.01, **options: Any) -> ArxLearner:
    learner = ArxLearner(RESIDUAL, (DUTY, SPEED), 0.5, **options)
    for residual, inputs in zip(*moved(count, sigma), strict=True):
        learner.add(residual, inputs)
    return learner


def coefficients(model: Arx) -> dict[str, float]:
    return dict(zip((each.name for each in model.PARAMETERS), model.parameters, strict=True))


# ARX ----------------------------------------------------------------------------------------------


def test_coefficients_are_found_and_how_much_is_left_unforetold() -> None:
    model = learned().model()
    found = coefficients(model)
    assert found["a1"] == pytest.approx(0.8, abs=0.03)
    assert found["heater_duty_1"] == pytest.approx(0.01, abs=2e-4)
    assert model.sigma == pytest.approx(0.01, rel=0.15)


@settings(max_examples=10, deadline=None)
@given(st.integers(30, 80), st.floats(0.9, 1.0))
def test_they_are_those_of_weighted_least_squares(count: int, forgetting: float) -> None:
    residuals, inputs = moved(count, 0.05, seed=count)
    learner = ArxLearner(RESIDUAL, (DUTY, SPEED), 0.5, own=1, forgetting=forgetting)
    for residual, each in zip(residuals, inputs, strict=True):
        learner.add(residual, each)
    rows = np.column_stack((residuals[:-1], inputs[:-1], np.ones(count - 1)))
    weights = np.sqrt(forgetting ** np.arange(count - 2, -1, -1))
    expected, *_ = np.linalg.lstsq(rows * weights[:, None], np.array(residuals[1:]) * weights, rcond=None)
    assert learner.model().parameters == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_what_was_forgotten_counts_no_more() -> None:
    learner = ArxLearner(RESIDUAL, (DUTY,), 0.5, own=1, forgetting=0.95)
    for factor in (0.5, 0.9):
        for step in range(200):
            learner.add(factor**step + 1e-3 * (step % 7), (float(step % 5),))
        learner.add(math.nan, (0.0,))  # a gap: what came before it does not lead to what comes after
    recent = ArxLearner(RESIDUAL, (DUTY,), 0.5, own=1, forgetting=0.95)
    for step in range(200):
        recent.add(0.9**step + 1e-3 * (step % 7), (float(step % 5),))
    assert learner.model().parameters == pytest.approx(recent.model().parameters, rel=1e-2, abs=1e-4)


def nonzero(model: Arx) -> dict[str, float]:
    return {name: value for name, value in coefficients(model).items() if value}


def test_a_sparse_one_leaves_out_what_does_nothing() -> None:
    assert nonzero(learned(own=3, past=2).model(sparse=4.0)) == pytest.approx(TRUE, rel=0.05)


def test_the_lasso_leaves_out_what_does_nothing() -> None:
    residuals, inputs = moved(400, 0.01)

    def chosen(alpha: float | None) -> dict[str, float]:
        return nonzero(lasso(RESIDUAL, (DUTY, SPEED), 0.5, residuals, inputs, own=3, past=2, alpha=alpha))

    assert chosen(0.02) == pytest.approx(TRUE, rel=0.05)
    by_itself = chosen(None)  # the information criterion is careful not to leave out too much
    assert set(TRUE) <= set(by_itself) < set(coefficients(learned(own=3, past=2).model()))


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        learned(4).model()
    with pytest.raises(ValueError, match="too few"):
        lasso(RESIDUAL, (DUTY,), 0.5, [0.0] * 5, [[0.0]] * 5)


def test_it_moves_once_a_period_however_it_is_asked() -> None:
    model = learned(own=2, past=2).model()
    state = model.begin((0.3,), (50.0, 1000.0))
    whole = model.step(state, (50.0, 1000.0), 3.0)
    for _ in range(15):
        state = model.step(state, (50.0, 1000.0), 0.2)
    assert state == pytest.approx(whole)
    found = coefficients(model)
    once = model.step(model.begin((0.3,), (50.0, 1000.0)), (50.0, 1000.0), 0.5)
    duty, speed = found["heater_duty_1"] + found["heater_duty_2"], found["fan_speed_1"] + found["fan_speed_2"]
    expected = (found["a1"] + found["a2"]) * 0.3 + duty * 50 + speed * 1000 + found["offset"]
    assert once[0] == pytest.approx(expected)


def test_a_residual_makes_a_filter_foretell_what_its_physics_does_not(tmp_path: Path) -> None:
    """A chamber that is warmer than its physics by what the heater does: seen at 30 %, foretold at 60 %."""
    learned(sigma=0.002).model(sparse=4.0).save_to(tmp_path / "error.json")
    heat = model_class("thermal")({})

    def twin(*sum_of: str) -> Composed:
        parts = {"heat": heat, "learned": Arx({}, tmp_path / "error.json")}
        return Composed({}, parts, sums={"shown": sum_of}, step=0.5)

    truth, off = twin("heat.air", "learned.error"), {}
    for name, sum_of in {"physics": ["heat.air"], "both": ["heat.air", "learned.error"]}.items():
        model = twin(*sum_of)
        inputs = (30.0, 1500.0, 0.0)
        state = truth.begin((30.0, *(math.nan,) * 3), inputs)
        followed = ExtendedKalman(Followed(model, [Sensor(0, noise=0.02)]))
        followed.begin([30.0], inputs)
        for step in range(40):
            inputs = (30.0 if step < 10 else 60.0, 1500.0, 0.0)
            state = truth.step(state, inputs, 0.5)
            followed.predict(0.5, inputs)
            if step < 10:
                followed.correct(0, float(truth.output(state, inputs)[0]), inputs)
        off[name] = abs(followed.expect(0, inputs)[0] - float(truth.output(state, inputs)[0]))
    assert 5 * off["both"] < off["physics"]


# Gaussian process ---------------------------------------------------------------------------------


def bump(duty: float) -> float:
    return 0.5 * math.sin(duty / 15)


@pytest.fixture(scope="module")
def process() -> GaussianProcess:
    chance = np.random.default_rng(2)
    points = [[float(duty)] for duty in np.linspace(0, 60, 60)]
    return GaussianProcess.fit(
        RESIDUAL, (DUTY,), points, [bump(duty) + 0.02 * chance.standard_normal() for (duty,) in points]
    )


def test_it_tells_what_is_left_over_and_is_unsure_where_it_has_seen_nothing(process: GaussianProcess) -> None:
    state = process.begin((math.nan,), (30.0,))
    for duty in (7.0, 33.0, 51.0):
        error, sigma = process.output(state, (duty,))
        assert error == pytest.approx(bump(duty), abs=0.05)
        assert sigma < 0.03
    assert process.output(state, (110.0,))[1] > 5 * process.output(state, (30.0,))[1]
    assert process.OUTPUTS[0].noise == pytest.approx(0.02, rel=0.4)


def test_it_is_that_of_scikit_learn(process: GaussianProcess, tmp_path: Path) -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    process.save_to(tmp_path / "error.json")
    told = json.loads((tmp_path / "error.json").read_text())
    kernel = ConstantKernel(told["strength"]) * RBF(told["lengths"])
    oracle = GaussianProcessRegressor(kernel, alpha=told["noise"] ** 2, optimizer=None)
    scaled = (np.array(told["points"]) - told["centre"]) / told["spread"]
    oracle.fit(scaled, told["values"])
    asked = np.linspace(-10, 90, 21)[:, None]
    expected = oracle.predict((asked - told["centre"]) / told["spread"], return_std=True)
    for ours, theirs in zip(GaussianProcess({}, tmp_path / "error.json").told(asked), expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)


def test_how_unsure_it_is_goes_on_to_the_twin(process: GaussianProcess) -> None:
    followed = ExtendedKalman(Followed(process, [Sensor(0, noise=1e-3)]))
    followed.begin([0.1], (30.0,))
    followed.predict(100 * process.lasts, (30.0,))
    assert followed.expect(0, (30.0,))[1] >= process.sigma


# ONNX ---------------------------------------------------------------------------------------------


def network(file: Path, *, batch: int | str = 1, kind: str = "FLOAT", after: int = 2) -> Path:
    """Write a network that remembers two numbers: h' = h A + duty B, y = h' C."""
    from onnx import TensorProto, helper, save

    number = getattr(TensorProto, kind)

    def tensor(name: str, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, number, shape)

    constants = [
        helper.make_tensor("A", number, [2, after], [0.9, 0.0, 0.1, 0.8, 0.0, 0.0][: 2 * after]),
        helper.make_tensor("B", number, [1, after], [0.1, 0.0, 0.0][:after]),
        helper.make_tensor("C", number, [after, 2], [0.0, 1.0, 1.0, 0.0, 0.0, 0.0][: 2 * after]),
    ]
    nodes = [
        helper.make_node("MatMul", ["h", "A"], ["kept"]),
        helper.make_node("MatMul", ["duty", "B"], ["moved"]),
        helper.make_node("Add", ["kept", "moved"], ["h_next"]),
        helper.make_node("MatMul", ["h_next", "C"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "net", [tensor("duty", batch, 1), tensor("h", batch, 2)],
        [tensor("y", batch, 2), tensor("h_next", batch, after)], constants,
    )  # fmt: skip
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(file))
    return file


@pytest.mark.parametrize("options", [{}, {"batch": "n"}, {"kind": "DOUBLE"}])
def test_a_network_goes_as_its_numbers_say(tmp_path: Path, options: dict[str, Any]) -> None:
    about = {"y_1": {"unit": "K", "noise": 0.1}}
    model = Onnx({}, network(tmp_path / "n.onnx", **options), 0.5, {"h": "h_next"}, about)
    assert [each.name for each in model.STATES] == ["h_1", "h_2", "age"]
    assert [(each.name, each.unit) for each in model.OUTPUTS] == [("y_1", "K"), ("y_2", "")]
    kept, a, b = np.zeros(2), np.array([[0.9, 0.0], [0.1, 0.8]]), np.array([0.1, 0.0])
    state = model.begin((math.nan, math.nan), (3.0,))
    for _ in range(5):
        state = model.step(state, (3.0,), 0.5)
        kept = kept @ a + 3.0 * b
    assert state[:2] == pytest.approx(kept, rel=1e-6)
    assert model.output(state, (3.0,)) == pytest.approx((kept @ a + 3.0 * b)[::-1], rel=1e-6)
    assert model.transition(state, (3.0,), 0.5)[:2, :2] == pytest.approx(a.T, abs=1e-3)


def test_one_that_remembers_nothing_needs_no_period(tmp_path: Path) -> None:
    model = Onnx({}, network(tmp_path / "n.onnx"))
    assert [each.name for each in model.INPUTS] == ["duty", "h_1", "h_2"]
    state = model.step(model.begin((math.nan,) * 4, (3.0, 1.0, 1.0)), (3.0, 1.0, 1.0), 10.0)
    assert model.output(state, (3.0, 1.0, 1.0))[2:] == pytest.approx((1.3, 0.8))


@pytest.mark.parametrize(
    ("options", "made", "told"),
    [
        ({"recurrent": {"h": "h_next"}}, {}, "remembers: say its period"),
        ({"period": -1.0}, {}, "a number of seconds above 0, not -1"),
        ({"period": 0.5, "recurrent": {"h": "h_nxt"}}, {}, "has no 'h_nxt'.*'h_next'"),
        ({"period": 0.5, "recurrent": {"h": "h_next"}}, {"after": 3}, r"h is \(1, 2\).* \(1, 3\)"),
        ({"variables": {"z": {}}}, {}, "has no 'z'"),
        ({"variables": {"duty": {"units": "K"}}}, {}, "of duty may be told unit"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, options: dict[str, Any], made: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Onnx({}, network(tmp_path / "n.onnx", **made), **options)


# All ----------------------------------------------------------------------------------------------


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    (tmp_path / "other").write_text('{"model": "other"}')
    (tmp_path / "lacking").write_text('{"model": "arx", "period": 1}')
    makes: list[Callable[..., Any]] = [Arx, GaussianProcess, Onnx]
    for make in makes:
        with pytest.raises(UsageError, match="there is no such"):
            make({}, tmp_path / "none")
        for name in ("text", "other"):
            with pytest.raises(DamagedInput, match=name):
                make({}, tmp_path / name)
    with pytest.raises(DamagedInput, match="lacks output, inputs"):
        Arx({}, tmp_path / "lacking")
    with pytest.raises(DamagedInput, match=r"is a tensor\(int64\)"):
        integers(tmp_path / "whole.onnx")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["arx", "process"]), st.integers(0, 20),
    st.sampled_from([None, 0, -1, 1e308, math.nan, "x", [], {}, [1, "a"], {"name": 1}, [[1]]]),
)  # fmt: skip
def test_a_file_with_anything_wrong_in_it_is_refused_and_never_more(
    tmp_path_factory: pytest.TempPathFactory, process: GaussianProcess, kind: str, key: int, wrong: Any
) -> None:
    file = tmp_path_factory.getbasetemp() / "wrong.json"
    model = learned(50).model() if kind == "arx" else process
    model.save_to(file)
    told = json.loads(file.read_text())
    told[list(told)[key % len(told)]] = wrong
    file.write_text(json.dumps(told))
    with suppress(DamagedInput, ValueError):  # no other error, and no endless work
        type(model)({}, file)


def integers(file: Path) -> Model:
    from onnx import TensorProto, helper, save

    told = [helper.make_tensor_value_info(name, TensorProto.INT64, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "net", told[:1], told[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(file))
    return Onnx({}, file)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["arx", "process", "onnx"]), st.lists(st.floats(0.0, 60.0), min_size=1, max_size=4))
def test_many_cases_at_once_go_as_each_alone_and_a_saved_one_comes_back(
    tmp_path_factory: pytest.TempPathFactory, process: GaussianProcess, kind: str, duties: list[float]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    model: Any = {
        "arx": lambda: learned(50).model(),
        "process": lambda: process,
        "onnx": lambda: Onnx({}, network(folder / "n.onnx"), 0.5, {"h": "h_next"}),
    }[kind]()
    rest = (1000.0,) if kind == "arx" else ()
    state = model.step(model.begin((0.2,) * len(model.OUTPUTS), (10.0, *rest)), (10.0, *rest), 1.2)
    assert model.restore(model.save(state)) == state
    inputs = (np.array(duties), *rest)
    after = model.step(state, inputs, 0.9)
    told = model.output(after, inputs)
    for number, duty in enumerate(duties):
        alone = model.output(model.step(state, (duty, *rest), 0.9), (duty, *rest))
        assert [np.broadcast_to(each, len(duties))[number] for each in told] == pytest.approx(alone, rel=1e-6)
