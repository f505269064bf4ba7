"""How every twin of a session stands: what was wanted, said and confirmed, and how well it is."""

from .look import standing
from .stands import BenchStand, DeviceStand, Health, SignalStand, Wanted, as_dict

__all__ = ["BenchStand", "DeviceStand", "Health", "SignalStand", "Wanted", "as_dict", "standing"]
