"""Models that other tools export as FMUs (FMI 2.0 and 3.0), behind the same interface as our own."""

from .archive import Kind
from .failure import FmuFailed
from .load import fmu_model, fmu_of_bench
from .trial import try_out

__all__ = ["FmuFailed", "Kind", "fmu_model", "fmu_of_bench", "try_out"]
