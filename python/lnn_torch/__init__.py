"""The models of lnn-cli in plain PyTorch, one class per model.

`load("model.safetensors")` reads what `lnn-cli export RUN --out model.safetensors` wrote. The classes keep the names of the
checkpoint's tensors, work with autograd, `torch.compile`, `torch.export` and ONNX, and need torch and safetensors alone. `save` writes a
model back, for `lnn-cli import`; `from_ncps` and `to_ncps` convert layers of ncps.
"""

from .cells import (
    ClosedForm,
    Gru,
    LeakyReservoir,
    LinearLiquid,
    LiquidTimeConstant,
    LiquidTimeStep,
    Lstm,
    MixedMemory,
    SpikingReservoir,
    WiredClosedForm,
)
from .cfc import Cfc
from .cifar import Cifar
from .cllnn import Cllnn
from .gru import GruNetwork
from .liquid import Liquid
from .lnn import Lnn
from .lnn_of_series import LnnOfSeries
from .loading import load
from .lstm import LstmNetwork
from .ltc import Ltc
from .ncps import from_ncps, to_ncps
from .recurrent import Recurrent
from .saving import save
from .snlnn import Snlnn
from .step import Step
from .version import __version__

__all__ = ["Cfc", "Cifar", "Cllnn", "ClosedForm", "Gru", "GruNetwork", "LeakyReservoir", "LinearLiquid", "Liquid",
           "LiquidTimeConstant", "LiquidTimeStep", "Lnn", "LnnOfSeries", "Lstm", "LstmNetwork", "Ltc", "MixedMemory", "Recurrent", "Snlnn",
           "SpikingReservoir", "Step", "WiredClosedForm", "__version__", "from_ncps", "load", "save", "to_ncps"]
