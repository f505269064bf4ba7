"""The workflow and the shell recipe: what they run is what the command line takes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import typer
import yaml

from testbed.cli.app import app

ROOT = Path(__file__).parents[3]
WORKFLOW = ROOT / ".github" / "workflows" / "replay.yml"
RECIPE = ROOT / "tools" / "replay-sessions"
DOCS = ROOT / "docs" / "regressions.md"


def parse(command: list[str]) -> Any:
    """Parse a command line of testbed without running it; returns its parameters."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("testbed", list(command))
    name, found, rest = group.resolve_command(context, command)
    return found.make_context(name, rest, parent=context).params


def workflow() -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return loaded


def test_every_testbed_command_of_the_workflow_parses():
    steps = workflow()["jobs"]["replay"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    commands = [line.split("|")[0].strip() for line in lines if line.startswith("testbed ")]
    assert len(commands) == 1
    parameters = parse(shlex.split(commands[0])[1:])
    assert (parameters["junit"], parameters["html"]) == (Path("replay/junit.xml"), Path("replay/index.html"))


def test_a_divergence_is_not_hidden_by_what_comes_after_it():
    job = workflow()["jobs"]["replay"]
    assert job["defaults"]["run"]["shell"] == "bash", "GitHub sets pipefail only for a shell that is named"
    replay = next(at for at, step in enumerate(job["steps"]) if "replay-all" in step.get("run", ""))
    assert "continue-on-error" not in job["steps"][replay]
    assert all(step["if"] == "${{ !cancelled() }}" for step in job["steps"][replay + 1 :])


def test_no_input_is_put_into_a_script_as_text():
    """What a caller writes must not be run: it goes through the environment."""
    for step in workflow()["jobs"]["replay"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_example_calls_the_workflow_with_inputs_that_it_has():
    example = re.findall(r"```yaml workflow\n(.*?)```", DOCS.read_text(), re.DOTALL)[0]
    inputs = workflow()[True]["workflow_call"]["inputs"]  # YAML 1.1 takes the key `on` for true
    given = yaml.safe_load(example)["jobs"]["replay"]["with"]
    assert set(given) <= set(inputs)
    assert {name for name, told in inputs.items() if told.get("required")} <= set(given)


def test_the_recipe_runs_the_command_and_hands_on_its_exit_code(tmp_path):
    program = tmp_path / "testbed"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n')
    program.chmod(0o755)
    done = subprocess.run(
        [RECIPE, "my cases", "out"],
        env={**os.environ, "TESTBED": str(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    parameters = parse(done.stdout.splitlines())
    assert parameters["folder"] == Path("my cases")
    assert (parameters["junit"], parameters["html"]) == (Path("out/junit.xml"), Path("out/index.html"))
