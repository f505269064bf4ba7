"""Models of devices as mathematics over a state: one small interface, and the ones that are shipped."""

from .base import MODELS, Components, Linear, Model, ModelFailed, Variable, model_class, passing
from .differences import difference, linearise, slopes
from .making import WrongSetting, make_model, try_out

__all__ = [
    "MODELS",
    "Components",
    "Linear",
    "Model",
    "ModelFailed",
    "Variable",
    "WrongSetting",
    "difference",
    "linearise",
    "make_model",
    "model_class",
    "passing",
    "slopes",
    "try_out",
]
