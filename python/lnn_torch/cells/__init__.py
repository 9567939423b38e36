"""Recurrent cells. Each has a `step(x [B, I], state)` and a `sequence(x [B, T, I], state)`; the state is optional.

A cell that knows time takes `dt` behind the state, [B] or [B, T]. `units` is the width of its outputs; a state of one tensor is that
tensor, a larger one a tuple of tensors [B, width] of the widths `state_sizes`.
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
