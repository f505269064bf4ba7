"""All tests of the testbed; the folders follow the rooms of the house."""
