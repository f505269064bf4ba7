"""`testbed learn`: a model of what a twin's model leaves over, from a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .output import print_json, stdout
from .sessions import AsJson

if TYPE_CHECKING:
    from testbed.session.learn import Learned, Leftover


def learn(
    target: Annotated[str, typer.Argument(metavar="[SESSION]", help="A session.")] = "latest",
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to; a bench file names it as file.")
    ] = Path("error.json"),
    twin: Annotated[
        str | None, typer.Option("--twin", metavar="DEVICE", help="Whose; default: the first of the bench.")
    ] = None,
    sensor: Annotated[
        str | None, typer.Option("--sensor", metavar="SIGNAL", help="What measures; default: its first.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="arx or gaussian-process.")] = "arx",
    period: Annotated[
        str | None, typer.Option("--period", metavar="TIME", help="Of the model; default: the sensor's.")
    ] = None,
    own: Annotated[int, typer.Option("--own", min=1, help="arx: how far back it sees itself.")] = 2,
    past: Annotated[int, typer.Option("--past", min=1, help="arx: how far back it sees inputs.")] = 1,
    sparse: Annotated[
        float | None, typer.Option("--sparse", help="arx: leave out what is less than so many sigma from 0.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn what the model of a twin leaves over of a sensor, for a part of a composed model."""
    import tempfile

    from testbed.bench.units import seconds
    from testbed.errors import UsageError
    from testbed.session.file import SessionReader, find_session
    from testbed.session.learn import KINDS, leftover
    from testbed.session.learn import learn as learn_from
    from testbed.session.recorded import recorded_bench

    if kind not in KINDS:
        raise UsageError(f"--kind {kind} cannot be learned", f"write {' or '.join(KINDS)}")
    try:
        every = None if period is None else seconds(period)
        if every is not None and not every > 0:
            raise ValueError("is not above 0 s")
    except ValueError as error:
        raise UsageError(f"--period {period}: {error}", "write for example: --period 0.5s") from None
    with (
        SessionReader(find_session(target)) as session,
        tempfile.TemporaryDirectory(prefix="testbed-") as folder,
    ):
        left = leftover(session, recorded_bench(session, Path(folder)), twin, sensor, every)
    learned = learn_from(left, kind, own=own, past=past, sparse=sparse)
    try:
        learned.model.save_to(output)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", "choose another place") from None
    with stdout():
        if as_json:
            print_json(_as_dict(left, learned, output, kind))
        else:
            _print(left, learned, output, kind)


def _as_dict(left: Leftover, learned: Learned, output: Path, kind: str) -> dict[str, Any]:
    model = learned.model
    return {
        "twin": left.twin,
        "sensor": left.sensor,
        "kind": kind,
        "file": str(output),
        "period_s": left.period,
        "samples": len(left.residuals),
        "rms_without": learned.before,
        "rms_with": learned.after,
        "unit": left.output.unit,
        "parameters": dict(zip((each.name for each in model.PARAMETERS), model.parameters, strict=True)),
    }


def _print(left: Leftover, learned: Learned, output: Path, kind: str) -> None:
    from testbed.bench.units import difference_unit

    unit = difference_unit(left.output.unit)
    told = _as_dict(left, learned, output, kind)["parameters"]
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in told.items() if value)
    for line in (
        f"{left.sensor}: {len(left.residuals)} periods of {left.period:g} s, learned from three quarters",
        f"in the last quarter the model of {left.twin} alone is off by {learned.before:.3g} {unit} rms,",
        f"with what was learned by {learned.after:.3g} {unit}; from its begin on both know the inputs alone",
        f"{kind}: {numbers}",
        f"written to {output}; as a part of a composed model: {{model: {kind}, file: {output.name}}}",
    ):
        typer.echo(line)
