"""Recurrent cells. Each has a `step(x [B, I], state)` and a `sequence(x [B, T, I], state)`; the state is optional.

Those of a recurrent network say whether they know time, `has_time`, and then take `dt` behind the state, [B] or [B, T]. `units` is the
width of their outputs. Their state has tensors [B, width] of the widths `state_sizes`: one alone is the state itself, more are a tuple.
"""

from .closed_form import ClosedForm
from .gru import Gru
from .leaky_reservoir import LeakyReservoir
from .linear_liquid import LinearLiquid
from .liquid_time_constant import LiquidTimeConstant
from .liquid_time_step import LiquidTimeStep
from .lstm import Lstm
from .mixed_memory import MixedMemory
from .product import project, recurrent
from .spiking_reservoir import SpikingReservoir, spike
from .wired_closed_form import WiredClosedForm

__all__ = ["ClosedForm", "Gru", "LeakyReservoir", "LinearLiquid", "LiquidTimeConstant", "LiquidTimeStep", "Lstm", "MixedMemory",
           "SpikingReservoir", "WiredClosedForm", "project", "recurrent", "spike"]
