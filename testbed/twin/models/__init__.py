"""Models of devices as mathematics over a state: one small interface, and the ones that are shipped."""

from .base import MODELS, Components, Linear, Model, Variable, linearise, model_class, slopes

__all__ = ["MODELS", "Components", "Linear", "Model", "Variable", "linearise", "model_class", "slopes"]
