"""Models that are learned from data: linear ones in discrete time, Gaussian processes, and those of ONNX."""

from .arx import Arx
from .arx_learner import ArxLearner, lasso
from .gaussian import GaussianProcess
from .onnx import Onnx

__all__ = ["Arx", "ArxLearner", "GaussianProcess", "Onnx", "lasso"]
