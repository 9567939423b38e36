"""Layers of ncps 1.0.1 as models of this package, and back."""

from .incoming import from_ncps
from .outgoing import to_ncps

__all__ = ["from_ncps", "to_ncps"]
