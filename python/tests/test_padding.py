"""Sequences of unequal lengths in one batch, and numbers that are none."""

import pytest
import torch

from conftest import SOME_RUNS
from test_export import difference
from test_lnn_torch import plain_of
from test_recurrent import drawn

LENGTHS = torch.tensor([2, 7, 5])
of_sequences = pytest.mark.parametrize("sequence_run", [run for run in SOME_RUNS if len(run) > 2], ids="-".join, indirect=True)


@pytest.fixture(params=["module", "class"])
def model(sequence_run, request, tmp_path):
    """The exported module and the plain class, in float64."""
    if request.param == "module":
        return sequence_run.module().double().eval()
    return plain_of(sequence_run, tmp_path).double().eval()


@of_sequences
def test_padding_has_no_effect_whatever_stands_there(sequence_run, model):
    x, dt = drawn(sequence_run, model, 3, 7)
    alone = [model(x[i : i + 1, :n], *(time[i : i + 1, :n] for time in dt)) for i, n in enumerate(LENGTHS.tolist())]
    alone = torch.cat(alone)
    expected = torch.autograd.grad(alone.square().sum(), list(model.parameters()), allow_unused=True)
    for i, n in enumerate(LENGTHS.tolist()):
        for tensor in (x, *dt):
            tensor[i, n:] = float("nan")
    found = model(x, *dt, lengths=LENGTHS)
    assert difference(found, alone) <= 1e-10
    gradients = torch.autograd.grad(found.square().sum(), list(model.parameters()), allow_unused=True)
    for a, b in zip(gradients, expected):
        assert (a is None) == (b is None) and (a is None or difference(a, b) <= 1e-8 * max(1.0, b.abs().max().item()))
    assert difference(model(x[1:2], *(time[1:2] for time in dt)), found[1:2]) <= 1e-10, "full length needs no lengths"


@of_sequences
def test_lengths_and_numbers_that_cannot_be_are_refused(sequence_run, model):
    x, dt = drawn(sequence_run, model, 3, 7)

    def refused(*arguments, **named):
        with pytest.raises((ValueError, torch.jit.Error)) as error:
            model(*arguments, **named)
        return str(error.value)

    assert "lengths are 1 to T = 7" in refused(x, *dt, lengths=torch.tensor([0, 7, 5]))
    assert "lengths are 1 to T = 7" in refused(x, *dt, lengths=torch.tensor([1, 8, 5]))
    assert "lengths is [N] = [3], found [2]" in refused(x, *dt, lengths=torch.tensor([1, 5]))
    x[1, 6, 0] = float("nan")
    assert "finite numbers, found NaN" in refused(x, *dt)
    with pytest.raises((ValueError, torch.jit.Error), match="finite numbers, found NaN"):
        model.sequence(x, None, *dt)
