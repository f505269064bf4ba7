"""Helps to write tests: a first one of a bench or of what a person did, and types that editors complete."""

from .from_bench import write_bench_test
from .from_session import write_session_test
from .stubs import bench_class, module_name, write_stub

__all__ = ["bench_class", "module_name", "write_bench_test", "write_session_test", "write_stub"]
