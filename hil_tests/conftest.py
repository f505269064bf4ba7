"""Tests of a bench take the demo bench; a missing system part skips here and fails in CI."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says nothing here: these machines are noisy, and first calls load libraries.
settings.register_profile("testbed", deadline=None)
settings.load_profile("testbed")

# Tests start pytest many times, and a plugin that none of those runs needs takes a second to load.
os.environ["PYTEST_ADDOPTS"] = f"{os.environ.get('PYTEST_ADDOPTS', '')} -p no:schemathesis".strip()

_INSTALL = {
    "mosquitto": "apt-get install mosquitto",
    "dbus-daemon": "apt-get install dbus-daemon",
    "chromium": "apt-get install chromium",
    "influxd": "apt-get install influxdb",
    "arm-none-eabi-gcc": "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "qemu-system-arm": "apt-get install qemu-system-arm",
    "avr-gcc": "apt-get install gcc-avr avr-libc libsimavr-dev libelf-dev",
    "cppcheck": "apt-get install cppcheck",
    "clang-format": "apt-get install clang-format",
    "gcc": "apt-get install gcc libc6-dev",
    "mbpoll": "apt-get install mbpoll",
    "libmodbus": "apt-get install libmodbus-dev",
}
_NOWHERE = Path("/nowhere")
_FILES = {"libmodbus": Path("/usr/include/modbus/modbus.h")}
"""What is no program."""
_LONGEST = [
    "test_example_modes.py", "test_played.py", "test_pages.py", "test_plugin.py", "test_replay_on_wires.py",
    "test_command.py", "test_demo.py", "test_closed_loop.py", "test_trouble.py", "test_replay.py",
    "test_safety.py", "test_ble.py", "test_black_box.py", "test_faults.py", "test_lorawan.py",
]  # fmt: skip
"""Files whose tests wait for long: on wires, for a settled chamber, for a lease to end."""
_SBIN = "/usr/sbin:/usr/local/sbin"


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Iterator[None]:
    """Run tests of a bench on the demo bench, and keep their sessions only where somebody asked for that."""
    if config.option.bench:
        return (yield)
    config.option.bench = [Path(__file__).parent.parent / "benches" / "thermal-rig.yaml"]
    with tempfile.TemporaryDirectory(prefix="sessions-") as folder:
        config.option.session_dir = Path(folder)
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that several processes end together."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose system part is missing."""
    for marker in item.iter_markers("needs_system"):
        for name in marker.args:
            if shutil.which(name) or shutil.which(name, path=_SBIN) or _FILES.get(name, _NOWHERE).exists():
                continue
            message = f"{name} is missing; to run this test: {_INSTALL.get(name, 'install ' + name)}"
            if os.environ.get("CI"):
                pytest.fail(message)
            pytest.skip(message)
