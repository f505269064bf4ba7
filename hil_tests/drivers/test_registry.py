from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from testbed.bench.profile import find_profile, load_profile, shipped_profiles
from testbed.drivers import Driver, driver_class
from testbed.drivers.scpi import ScpiDriver
from testbed.emulators import emulator_of
from testbed.errors import UsageError

_THEIRS = """
from testbed.drivers.scpi import ScpiDriver

class GpibDriver(ScpiDriver):
    schemes = ("gpib",)

no_driver = 3

async def serve(devices, context, ready):
    pass
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which distributions with entry points can be imported, as from site-packages."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "their_drivers", raising=False)
    (tmp_path / "their_drivers.py").write_text(_THEIRS)
    return tmp_path


def install(folder: Path, package: str, group: str, point: str) -> None:
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{point}\n")


@pytest.mark.parametrize("name", shipped_profiles())
def test_every_shipped_profile_has_a_driver_and_an_emulator(name: str) -> None:
    file = find_profile(name, Path("."))
    assert file is not None
    protocol = load_profile(file).protocol
    driver = driver_class(protocol)
    assert issubclass(driver, Driver)
    assert driver.schemes
    assert callable(emulator_of(protocol))


def test_given_an_unknown_protocol_then_the_nearest_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'scpi'"):
        driver_class("scpy")
    with pytest.raises(UsageError, match="can emulate 'scpy'"):
        emulator_of("scpy")


def test_an_installed_package_brings_its_driver_and_its_emulator(installed: Path) -> None:
    install(installed, "one", "testbed.drivers", "gpib = their_drivers:GpibDriver")
    install(installed, "two", "testbed.emulators", "gpib = their_drivers:serve")
    assert driver_class("gpib").schemes == ("gpib",)
    assert emulator_of("gpib").__module__ == "their_drivers"


def test_given_two_packages_for_one_protocol_then_both_are_named(installed: Path) -> None:
    install(installed, "one", "testbed.drivers", "gpib = their_drivers:GpibDriver")
    install(installed, "two", "testbed.drivers", "gpib = their_drivers:OtherDriver")
    with pytest.raises(UsageError, match=r"2 packages.*GpibDriver.*OtherDriver|2 packages.*Other.*Gpib"):
        driver_class("gpib")


def test_given_a_package_that_claims_a_protocol_of_ours_then_ours_stays(installed: Path) -> None:
    install(installed, "one", "testbed.drivers", "scpi = their_drivers:GpibDriver")
    assert driver_class("scpi") is ScpiDriver


def test_given_something_else_under_a_drivers_name_then_it_is_refused(installed: Path) -> None:
    install(installed, "one", "testbed.drivers", "gpib = their_drivers:no_driver")
    assert EntryPoint("gpib", "their_drivers:no_driver", "testbed.drivers").load() == 3
    with pytest.raises(UsageError, match="is no Driver"):
        driver_class("gpib")
