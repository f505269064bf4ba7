"""Models that predict a device: a small interface, and the ones that are shipped."""

from .base import Model, model_class

__all__ = ["Model", "model_class"]
