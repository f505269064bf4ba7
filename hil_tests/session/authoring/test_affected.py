"""Which tests a changed file has to do with."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.session.authoring.affected import Project

FILES = {
    "rig/__init__.py": "from .gains import KP",
    "rig/gains.py": "KP = 1",
    "rig/limits.py": "import rig.gains",
    "rig/apart.py": "",
    "tests/conftest.py": "import rig.limits",
    "tests/helper.py": "BENCH = 'oven.yaml'",
    "tests/test_gains.py": "from rig import gains",
    "tests/test_oven.py": "from .helper import BENCH",
    "tests/sub/test_broken.py": "def (",
    "other/test_apart.py": "from rig.apart import *",
    "other/test_src.py": "def test():\n    import thing",
    "src/thing.py": "",
    "oven.yaml": "devices: {a: {profile: heater}}",
    "profiles/heater.yaml": "",
    "profiles/unused.yaml": "",
    ".venv/lib/rig.py": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


ALL = {name for name in FILES if "/test_" in name}
IN_TESTS = {name for name in ALL if name.startswith("tests/")}


@pytest.mark.parametrize(
    ("changed", "affected"),
    [
        ("tests/test_gains.py", {"tests/test_gains.py"}),
        ("tests/helper.py", {"tests/test_oven.py"}),
        ("tests/conftest.py", IN_TESTS),
        ("rig/limits.py", IN_TESTS),
        ("rig/gains.py", IN_TESTS | {"other/test_apart.py"}),  # the package imports it
        ("rig/apart.py", {"other/test_apart.py"}),
        ("src/thing.py", {"other/test_src.py"}),
        ("oven.yaml", {"tests/test_oven.py"}),
        ("profiles/heater.yaml", {"tests/test_oven.py"}),
        ("profiles/unused.yaml", ALL),  # nobody names it: it may be anybody's
        ("pyproject.toml", ALL),
        ("rig/gone.py", set()),
    ],
)
def test_tests_are_affected_by_what_they_import_and_name(project: Path, changed: str, affected: set[str]):
    tests = [project / name for name in sorted(ALL)]
    found = Project(project).affected(tests, [project / changed])
    assert {str(test.relative_to(project.resolve())) for test in found} == affected
