"""What a bench file says: typed, validated, units resolved, every error with file:line:column."""

from .bench import Bench, FaultyBench, Loop
from .boards import BoardSpec, Firmware, FlashSpec, PlannedFault
from .condition import Read, signals_of
from .controllers import (
    Bound,
    ControllerPlan,
    FeedForward,
    LqrPlan,
    ModelAhead,
    MpcPlan,
    OnOffPlan,
    PidPlan,
    RelayPlan,
    ScheduledPlan,
    plan_words,
)
from .device import Device
from .expectation import Expectation, ExpectationKind
from .guard import Cause, GuardPlan, Interlock, Lookahead
from .guard_spec import Action, HabitSpec
from .influxdb import Influxdb, influxdb_of
from .load import load_bench
from .mqtt_store import MqttStore
from .problems import BenchFileError, Problem, nearest
from .profile import Profile
from .secrets import Secrets
from .setpoints import Leg, Moving
from .spec import PlantSpec, json_schema
from .twin_spec import TwinFilter, TwinLevel
from .twins import Excite, Foresight, LearnPlan, ModelPart, Twin, TwinModel, TwinSensor, Wear
from .wires import Wire, parse_wire

__all__ = [
    "Action",
    "Bench",
    "BenchFileError",
    "BoardSpec",
    "Bound",
    "Cause",
    "ControllerPlan",
    "Device",
    "Excite",
    "Expectation",
    "ExpectationKind",
    "FaultyBench",
    "FeedForward",
    "Firmware",
    "FlashSpec",
    "Foresight",
    "GuardPlan",
    "HabitSpec",
    "Influxdb",
    "Interlock",
    "LearnPlan",
    "Leg",
    "Lookahead",
    "Loop",
    "LqrPlan",
    "ModelAhead",
    "ModelPart",
    "Moving",
    "MpcPlan",
    "MqttStore",
    "OnOffPlan",
    "PidPlan",
    "PlannedFault",
    "PlantSpec",
    "Problem",
    "Profile",
    "Read",
    "RelayPlan",
    "ScheduledPlan",
    "Secrets",
    "Twin",
    "TwinFilter",
    "TwinLevel",
    "TwinModel",
    "TwinSensor",
    "Wear",
    "Wire",
    "influxdb_of",
    "json_schema",
    "load_bench",
    "nearest",
    "parse_wire",
    "plan_words",
    "signals_of",
]
