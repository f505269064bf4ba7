import pytest

# Its assertions are as telling as those of a test module.
pytest.register_assert_rewrite("hil_tests.drivers.contract")
