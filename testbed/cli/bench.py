"""`testbed check` and `testbed schema`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json

if TYPE_CHECKING:
    from testbed.bench import Bench
    from testbed.session.manifest import Manifest

BenchFile = Annotated[Path, typer.Argument(metavar="BENCH", help="The bench file (YAML).")]


def read_bench(file: Path) -> Bench:
    """Read and verify a bench file; raises BenchFileError (exit 2) with every problem in it."""
    import asyncio
    import os

    from testbed.bench import BenchFileError, FaultyBench, load_bench
    from testbed.session.verify import verify

    try:
        bench = load_bench(file, os.environ)
    except FaultyBench as error:
        try:
            asyncio.run(verify(error.partial))
        except BenchFileError as further:
            raise BenchFileError([*error.problems, *further.problems]) from None
        raise
    asyncio.run(verify(bench))
    return bench


def check(
    file: BenchFile,
    twins: Annotated[
        bool, typer.Option("--twins", help="Tell what makes up each twin, and what is missing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check a bench file: every error with file:line:column and the nearest right name."""
    from dataclasses import asdict

    from testbed.bench import BenchFileError
    from testbed.session.manifest import manifests

    try:
        bench = read_bench(file)
    except BenchFileError as error:
        if json:
            print_json({"ok": False, "problems": [asdict(problem) for problem in error.problems]})
        else:
            for problem in error.problems:
                typer.echo(str(problem), err=True)
        raise typer.Exit(2) from None
    counts = {
        "devices": len(bench.devices),
        "signals": len(bench.signals),
        "loops": len(bench.loops),
        "expectations": len(bench.expectations),
    }
    if json:
        made = [asdict(each) for each in manifests(bench)]
        print_json({"ok": True, "bench": bench.name, **counts, "twins": made})
    else:
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        typer.echo(f"{file}: bench {bench.name} is fine: {told}")
        if twins:
            _print_twins(manifests(bench))


def _print_twins(made: list[Manifest]) -> None:
    for each in made:
        typer.echo(f"\n{each.device}: {each.level}")
        for dimension in ("physical", "virtual", "data", "connection", "service"):
            typer.echo(f"  {dimension:<12}{getattr(each, dimension)}")
        for gap in each.gaps:
            typer.echo(f"  {'missing':<12}{gap}")


def schema(
    profile: Annotated[bool, typer.Option("--profile", help="The schema of profiles instead.")] = False,
) -> None:
    """Print the JSON Schema of bench files, for editors that complete and check YAML."""
    import json

    from testbed.bench import json_schema
    from testbed.bench.profile import profile_schema

    typer.echo(json.dumps(profile_schema() if profile else json_schema(), indent=2))
