"""What a bench file says: typed, validated, units resolved, every error with file:line:column."""

from .bench import Bench, FaultyBench, Loop, Twin, TwinModel
from .boards import BoardSpec, Firmware, FlashSpec, PlannedFault
from .device import Device
from .expectation import Expectation, ExpectationKind
from .influxdb import Influxdb, influxdb_of
from .load import load_bench
from .problems import BenchFileError, Problem, nearest
from .profile import Profile
from .secrets import Secrets
from .spec import PidSpec, PlantSpec, TwinLevel, json_schema
from .wires import Wire, parse_wire

__all__ = [
    "Bench",
    "BenchFileError",
    "BoardSpec",
    "Device",
    "Expectation",
    "ExpectationKind",
    "FaultyBench",
    "Firmware",
    "FlashSpec",
    "Influxdb",
    "Loop",
    "PidSpec",
    "PlannedFault",
    "PlantSpec",
    "Problem",
    "Profile",
    "Secrets",
    "Twin",
    "TwinLevel",
    "TwinModel",
    "Wire",
    "influxdb_of",
    "json_schema",
    "load_bench",
    "nearest",
    "parse_wire",
]
