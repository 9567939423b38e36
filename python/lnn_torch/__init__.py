"""The models of lnn-cli in plain PyTorch, one class a system.

`load("model.safetensors")` reads what `lnn-cli export RUN --out model.safetensors` wrote. The classes keep the names of the
checkpoint's tensors, work with autograd, `torch.compile`, `torch.export` and ONNX, and need torch and safetensors alone.
"""

from .cells import LeakyReservoir, Lstm
from .cllnn import Cllnn
from .lnn import Lnn
from .loading import load

__all__ = ["Cllnn", "LeakyReservoir", "Lnn", "Lstm", "load"]
