"""Puts dashboards and alert rules where Grafana's provisioning finds them."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from testbed.bench import Bench
from testbed.errors import UsageError
from testbed.session.forward import dashboard_uid

from .pages import dashboards
from .rules import alert_rules


def files_of(bench: Bench) -> dict[str, str]:
    """Return every file, by its path within Grafana's folder; the same text for the same bench."""
    found = {
        f"dashboards/{each.uid}.json": json.dumps(each.as_json(), indent=2, ensure_ascii=False) + "\n"
        for each in dashboards(bench)
    }
    rules = yaml.safe_dump(alert_rules(bench), sort_keys=False, allow_unicode=True, width=110)
    note = "# Made by `testbed grafana` from the bench file; changes are overwritten.\n"
    return {**found, f"provisioning/alerting/{dashboard_uid(bench.name, 'rules')}.yaml": note + rules}


def write(bench: Bench, folder: Path) -> list[Path]:
    """Write the files below `folder` and return them; raises UsageError when that cannot be done."""
    written = []
    for name, text in files_of(bench).items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}", "give another folder with -o"
            ) from error
        written.append(path)
    return written
