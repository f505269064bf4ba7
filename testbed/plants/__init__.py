"""The physics that emulated devices read and drive."""

from .base import BreakablePlant, Plant, plant_class
from .recording import Column, Recording
from .thermal_chamber import ThermalChamber

__all__ = ["BreakablePlant", "Column", "Plant", "Recording", "ThermalChamber", "plant_class"]
