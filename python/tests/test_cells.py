"""The recurrent parts of an exported module, taken by themselves."""

import sys

import pytest
import torch

from conftest import ROOT
from test_export import difference

sys.path.insert(0, str(ROOT / "python"))
from lnn_torch.cells import Gru  # noqa: E402


CELLS = [("cllnn", "reservoir"), ("cllnn", "lstm"), ("snlnn", "reservoir"), ("liquid", "cell")]


@pytest.fixture(params=CELLS, ids="-".join)
def cell(runs, request):
    """A part in float64, where no rounding hides an error."""
    model, part = request.param
    return getattr(runs[model, "tuned"].module().double(), part)


def inputs_of(cell):
    return cell.input_weights.shape[1]


def last_of(state):
    return state[-1] if isinstance(state, tuple) else state


@pytest.mark.parametrize("steps", [1, 5, 50])
def test_steps_are_the_sequence_and_a_state_carries_on(cell, steps):
    x = torch.randn(3, steps, inputs_of(cell), dtype=torch.float64)
    outputs, state = cell.sequence(x)
    assert outputs.shape[:2] == (3, steps)
    by_step, stepped = [], None
    for t in range(steps):
        output, stepped = cell.step(x[:, t], stepped)
        by_step.append(output)
    assert difference(torch.stack(by_step, 1), outputs) <= 1e-12
    assert difference(last_of(stepped), last_of(state)) <= 1e-12
    for cut in {1, steps // 2, steps - 1} - {0, steps}:
        first, carried = cell.sequence(x[:, :cut])
        second, end = cell.sequence(x[:, cut:], carried)
        assert difference(torch.cat([first, second], 1), outputs) <= 1e-12
        assert difference(last_of(end), last_of(state)) <= 1e-12


def test_the_liquid_cell_is_its_equation(runs):
    cell = runs["liquid", "article"].module().double().cell
    x, dt = torch.randn(4, 6, inputs_of(cell), dtype=torch.float64), torch.rand(4, 6, dtype=torch.float64)
    h, expected = torch.zeros(4, cell.recurrent_weights.shape[0], dtype=torch.float64), []
    for step, time in zip(x.unbind(1), dt.unbind(1)):
        drive = torch.tanh(step @ cell.input_weights.T + h @ cell.recurrent_weights.T + cell.bias + cell.recurrent_bias)
        h = h + time.unsqueeze(1) / cell.tau.clamp(min=0.6) * (drive - h)
        expected.append(h)
    assert difference(cell.sequence(x, None, dt)[0], torch.stack(expected, 1)) <= 1e-12


def test_the_spiking_reservoir_is_its_equation(runs):
    cell = runs["snlnn", "tuned"].module().double().reservoir
    n, x = cell.units, torch.randn(4, 6, inputs_of(cell), dtype=torch.float64)
    v, expected = torch.zeros(4, n, dtype=torch.float64), []
    for step in x.unbind(1):
        drive = step @ cell.input_weights[:n].T + cell.bias[:n] + v @ cell.recurrent_weights[:n, :n].T
        u = (1 - cell.leak_rate) * v + cell.leak_rate * torch.tanh(drive)
        spikes = (u > cell.threshold).double()
        v = u - cell.threshold * spikes
        expected.append(torch.cat([v, spikes], 1))
    assert torch.stack(expected, 1)[:, :, n:].sum() > 0, "it spikes"
    assert difference(cell(x), torch.stack(expected, 1)) <= 1e-12


def test_the_lstm_is_that_of_pytorch(runs):
    cell = runs["cllnn", "tuned"].module().double().lstm
    reference = torch.nn.LSTM(inputs_of(cell), cell.recurrent_weights.shape[1], batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        reference.weight_ih_l0.copy_(cell.input_weights)
        reference.weight_hh_l0.copy_(cell.recurrent_weights)
        reference.bias_ih_l0.copy_(cell.bias)
        reference.bias_hh_l0.zero_()
    x = torch.randn(4, 6, inputs_of(cell), dtype=torch.float64)
    expected, (h, c) = reference(x)
    found, state = cell.sequence(x)
    for a, b in ((found, expected), (state[0], h[0]), (state[1], c[0])):
        assert difference(a, b) <= 1e-12


def test_the_reservoir_is_its_equation(runs):
    cell = runs["lnn", "tuned"].module().double().reservoir0
    x = torch.randn(4, 6, inputs_of(cell), dtype=torch.float64)
    h, expected = torch.zeros(4, cell.recurrent_weights.shape[0], dtype=torch.float64), []
    for step in x.unbind(1):
        drive = torch.tanh(step @ cell.input_weights.T + cell.bias + h @ cell.recurrent_weights.T)
        h = (1 - cell.leak_rate) * h + cell.leak_rate * drive
        expected.append(h)
    assert difference(cell(x), torch.stack(expected, 1)) <= 1e-12


def test_the_gru_is_that_of_torch():
    torch.manual_seed(0)
    reference, cell = torch.nn.GRU(3, 5, batch_first=True).double(), Gru(3, 5).double()
    with torch.no_grad():
        cell.input_weights.copy_(reference.weight_ih_l0)
        cell.recurrent_weights.copy_(reference.weight_hh_l0)
        bias = reference.bias_ih_l0.clone()
        bias[:10] += reference.bias_hh_l0[:10]
        cell.bias.copy_(bias)
        cell.candidate_bias.copy_(reference.bias_hh_l0[10:])
    x, h = torch.randn(4, 7, 3, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    expected, last = reference(x, h.unsqueeze(0))
    outputs, state = cell.sequence(x, h)
    assert difference(outputs, expected) <= 1e-12 and difference(state, last[0]) <= 1e-12
    output, state = cell.step(x[:, 0], h)
    assert difference(output, expected[:, 0]) <= 1e-12
    assert difference(cell(x), reference(x)[0]) <= 1e-12
