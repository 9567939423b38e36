"""The models of lnn-cli in plain PyTorch, one class per model.

`load("model.safetensors")` reads what `lnn-cli export RUN --out model.safetensors` wrote. The classes keep the names of the
checkpoint's tensors, work with autograd, `torch.compile`, `torch.export` and ONNX, and need torch and safetensors alone.
"""

from .cells import LeakyReservoir, LinearLiquid, LiquidTimeStep, Lstm, SpikingReservoir
from .cifar import Cifar
from .cllnn import Cllnn
from .liquid import Liquid
from .lnn import Lnn
from .loading import load
from .lstm import LstmNetwork
from .recurrent import Recurrent
from .snlnn import Snlnn
from .step import Step

__all__ = ["Cifar", "Cllnn", "LeakyReservoir", "LinearLiquid", "Liquid", "LiquidTimeStep", "Lnn", "Lstm", "LstmNetwork",
           "Recurrent", "Snlnn", "SpikingReservoir", "Step", "load"]
