"""Missing values: NaN goes in where the training data had gaps."""

import pytest
import torch

from conftest import GAP_RUNS, lnn_cli
from test_export import TOLERANCE, difference
from test_lnn_torch import plain_of
from test_recurrent import by_step, drawn

NAN = float("nan")
with_gaps = pytest.mark.parametrize("sequence_run", GAP_RUNS, ids="-".join, indirect=True)


@pytest.fixture(params=["module", "class"])
def model(sequence_run, request, tmp_path):
    """The exported module and the plain class, in float64."""
    if request.param == "module":
        return sequence_run.module().double().eval()
    return plain_of(sequence_run, tmp_path).double().eval()


def holed(sequence_run, model, batch=5, steps=9):
    x, dt = drawn(sequence_run, model, batch, steps)
    torch.manual_seed(0)
    return x.masked_fill(torch.rand(x.shape) < 0.3, NAN), dt


@with_gaps
def test_the_program_the_module_and_the_class_agree_on_sequences_with_gaps(sequence_run, tmp_path):
    assert bool(sequence_run.inputs.isnan().any())
    expected = sequence_run.outputs()
    assert bool(expected.isfinite().all())
    dt = torch.full(sequence_run.inputs.shape[:2], sequence_run.timing()["unit"])
    for model in (sequence_run.module(), plain_of(sequence_run, tmp_path)):
        assert difference(model.eval()(sequence_run.inputs, dt), expected) <= TOLERANCE


@with_gaps
def test_a_missing_value_is_another_thing_than_the_mean(sequence_run, model):
    x, dt = drawn(sequence_run, model, 3, 6)
    mean = model.preprocessing.mean.expand_as(x)
    x[:, 5, 0] = mean[:, 5, 0]
    present = model(x, *dt)
    x[:, 5, 0] = NAN
    assert difference(model(x, *dt), present) > 1e-6


@with_gaps
def test_steps_with_gaps_are_the_sequence_and_have_gradients(sequence_run, model):
    x, dt = holed(sequence_run, model)
    whole, _ = model.sequence(x, None, *dt)
    assert difference(by_step(model, x, dt)[0], whole) <= 1e-10
    gradients = torch.autograd.grad(whole.square().sum(), list(model.parameters()))
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


@with_gaps
def test_infinite_numbers_are_refused(sequence_run, model, tmp_path):
    x, dt = holed(sequence_run, model)
    x[1, 2, 0] = float("inf")
    with pytest.raises((ValueError, torch.jit.Error), match="NaN for missing values, found infinite"):
        model(x, *dt)
    import numpy as np

    np.save(tmp_path / "x.npy", x.numpy())
    np.save(tmp_path / "dt.npy", dt[0].numpy())
    _, message = lnn_cli("predict", sequence_run.folder, "--input", tmp_path / "x.npy", "--dt", tmp_path / "dt.npy", "--output",
                         tmp_path / "y.npy", code=2)
    assert "found inf at [1, 2, 0]" in message


@with_gaps
def test_what_was_trained_with_gaps_is_tested_with_gaps(sequence_run):
    out, _ = lnn_cli("eval", sequence_run.folder, "--json")
    assert '"mae"' in out and "NaN" not in out
    text, _ = lnn_cli("inspect", sequence_run.folder)
    assert "NaN is a missing value" in text
