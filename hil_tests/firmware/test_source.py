"""The firmware's own tests and checks, as `make check` runs them."""

import pytest

from .boards import make


@pytest.mark.needs_system("gcc")
def test_the_firmware_passes_its_unit_tests_with_sanitizers_on():
    done = make("test")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs_system("gcc", "cppcheck", "clang-format")
def test_the_firmware_is_clean_for_cppcheck_and_clang_format():
    done = make("check")
    assert done.returncode == 0, done.stdout + done.stderr
