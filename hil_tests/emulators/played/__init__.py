import pytest

# pytest explains failed assertions only in files that it collects, and in those named to it.
pytest.register_assert_rewrite("hil_tests.emulators.played.contract")
