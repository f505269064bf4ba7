"""Makes Grafana's dashboards and alert rules from a bench and the profiles of its devices."""

from .dashboard import Dashboard
from .lint import lint
from .model import SOURCE_UID, Panel, Query
from .pages import dashboards
from .rules import alert_rules
from .write import files_of, write

__all__ = [
    "SOURCE_UID",
    "Dashboard",
    "Panel",
    "Query",
    "alert_rules",
    "dashboards",
    "files_of",
    "lint",
    "write",
]
