"""The time loop for exporters that leave the number of steps free."""

from collections.abc import Callable

from torch import Tensor


def loop_of_any_length(advance: Callable[..., Tensor], h: Tensor, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """`h = advance(h, *step)` for each step of inputs [B, T, ..]: all states [B, T, H] and the last.

    `torch.export` unrolls a loop of Python, which fixes its length. This operator stays a loop, in an exported program as in
    ONNX; torch has not made it public yet, so nothing but an export of free length goes through here.
    """
    from torch._higher_order_ops.scan import scan

    def combine(h: Tensor, step: list[Tensor]) -> tuple[Tensor, Tensor]:
        after = advance(h, *step)
        return after, after.clone()  # the operator refuses to return one tensor twice

    # Time goes first: releases of torch differ in where they put it for another axis.
    last, states = scan(combine, h, [x.transpose(0, 1) for x in inputs], dim=0)
    return states.transpose(0, 1), last
