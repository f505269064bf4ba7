"""Forwards what a session file holds to InfluxDB: at any time, after any outage, each point once."""

from .bookmark import Aside, Bookmark
from .delivery import Report
from .forwarder import Forwarder
from .names import dashboard_uid
from .outbox import Batch, Outbox, Part, Position
from .server import Denied, Influx, NotNow, Refused, TooLarge

__all__ = [
    "Aside",
    "Batch",
    "Bookmark",
    "Denied",
    "Forwarder",
    "Influx",
    "NotNow",
    "Outbox",
    "Part",
    "Position",
    "Refused",
    "Report",
    "TooLarge",
    "dashboard_uid",
]
