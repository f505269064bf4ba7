"""The physics that emulated devices read and drive."""

from .base import Plant, plant_class
from .thermal_chamber import ThermalChamber

__all__ = ["Plant", "ThermalChamber", "plant_class"]
