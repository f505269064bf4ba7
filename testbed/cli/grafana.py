"""`testbed grafana`: dashboards and alert rules for a bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .bench import BenchFile, read_bench
from .output import print_json


def grafana(
    file: BenchFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Grafana's folder.")] = Path(
        "grafana"
    ),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make Grafana dashboards and alert rules from a bench file and the profiles of its devices."""
    from testbed.session.grafana import dashboards, write

    bench = read_bench(file)
    written = write(bench, output)
    if json:
        uids = [dashboard.uid for dashboard in dashboards(bench)]
        print_json({"files": [str(path) for path in written], "dashboards": uids})
        return
    for path in written:
        typer.echo(path)
