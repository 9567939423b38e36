"""The methods `sequence` and `step` of an exported module: what a state carries, how time passes, and what refuses what."""

import copy
import json
import sys
import warnings

import pytest
import torch

from conftest import RECURRENT_RUNS, ROOT, TIMED_MODELS, UNTIMED_MODELS, lnn_cli, some_recurrent_runs
from test_export import TOLERANCE, difference, saved_and_loaded

sys.path.insert(0, str(ROOT / "python"))
import lnn_torch  # noqa: E402

SIZES = [(1, 1), (2, 5), (64, 50), (7, 1), (1, 50)]
METHODS = ["sequence", "step"]


def drawn(run, module, batch, steps):
    """A sequence [B, T, I] as the run could meet one, and irregular time [B, T] if it knows time, in the module's dtype."""
    dtype = module.readout.weight.dtype
    width = (read(run, run.inputs[:1]) if run.takes_images else run.inputs).shape[2]
    draw = torch.rand if run.takes_images else torch.randn
    x = draw(batch, steps, width, dtype=dtype)
    return x, [torch.rand(batch, steps, dtype=dtype) * 2] if run.takes_time else []


def read(run, images):
    """Images as the run reads them: [N, T, I]."""
    model = run.description()["checkpoint"]["model"]
    if run.model == "snlnn":
        return images.flatten(1).unsqueeze(1).expand(-1, model["encoding"]["steps"], -1)
    assert model.get("scan", model.get("scans")) in ("rows", ["rows"])
    return images.permute(0, 2, 1, 3).flatten(2)


def by_step(module, x, dt=(), state=None):
    """The output after the last step, and the state."""
    for t in range(x.shape[1]):
        output, state = module.step(x[:, t], state, *(time[:, t] for time in dt))
    return output, state


def assert_states_close(found, expected, tolerance):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        # Sums over steps grow with their number.
        assert difference(a, b) <= tolerance * max(1.0, b.abs().max().item())


# In float64, where no rounding makes or prevents a spike.
@pytest.mark.parametrize("batch, steps", SIZES)
def test_steps_are_the_sequence(recurrent_run, batch, steps):
    module = recurrent_run.module().double()
    x, dt = drawn(recurrent_run, module, batch, steps)
    with torch.no_grad():
        whole, state = module.sequence(x, None, *dt)
        stepped, last = by_step(module, x, dt)
    assert whole.shape[0] == batch
    assert difference(stepped, whole) <= 1e-10
    assert_states_close(last, state, 1e-10)


@pytest.mark.parametrize("batch, steps", [(1, 50), (2, 5), (64, 50)])
def test_a_sequence_cut_in_two_is_the_sequence(recurrent_run, batch, steps):
    module = recurrent_run.module().double()
    x, dt = drawn(recurrent_run, module, batch, steps)
    with torch.no_grad():
        whole, end = module.sequence(x, None, *dt)
        for cut in {1, steps // 2, steps - 1}:
            _, carried = module.sequence(x[:, :cut], None, *(time[:, :cut] for time in dt))
            kept = [tensor.clone() for tensor in carried]
            found, state = module.sequence(x[:, cut:], carried, *(time[:, cut:] for time in dt))
            assert difference(found, whole) <= 1e-10
            assert_states_close(state, end, 1e-10)
            assert all(torch.equal(a, b) for a, b in zip(carried, kept)), "a call leaves the state that it was given"


def test_gradients_pass_through_carried_states(recurrent_run):
    module = recurrent_run.module().double()
    x, dt = drawn(recurrent_run, module, 3, 5)
    found = []
    for way in ("sequence", "step"):
        module.zero_grad()
        leaves = [tensor.clone().requires_grad_() for tensor in (x, *dt)]
        output, _ = module.sequence(leaves[0], None, *leaves[1:]) if way == "sequence" else by_step(module, leaves[0], leaves[1:])
        output.square().sum().backward()
        found.append([tensor.grad for tensor in (*leaves, *module.parameters())])
    for a, b in zip(*found):
        assert a is not None and difference(a, b) <= 1e-10 * max(1.0, a.abs().max().item())
    assert all(gradient.abs().max() > 0 for gradient in found[0][: 1 + len(dt)])


@pytest.mark.parametrize("key", [run for run in RECURRENT_RUNS if len(run) == 2], ids="-".join)
def test_the_sequence_of_an_image_gives_what_the_image_gives(runs, key):
    run = runs[key]
    module, x = run.module(), read(run, run.inputs)
    with torch.no_grad():
        for batch in (64, 1, 7):
            expected = run.outputs()[:batch]
            assert difference(module(run.inputs[:batch]), expected) <= TOLERANCE
            assert difference(module.sequence(x[:batch])[0], expected) <= TOLERANCE
            assert difference(by_step(module, x[:batch])[0], expected) <= TOLERANCE


def times_of(run, series):
    """Irregular time for the inputs of a run: that of the series, or drawn."""
    if run.data == series.spec:
        return series.dt[:64]
    steps = run.inputs.shape[2 if run.takes_images else 1]
    return torch.rand(64, steps, generator=torch.Generator().manual_seed(1)) * 2


TIMED = [run for run in RECURRENT_RUNS if run[0] in TIMED_MODELS or (run[0] in UNTIMED_MODELS and "series" in run)]


@pytest.mark.parametrize("key", TIMED, ids="-".join)
def test_irregular_time_tells_what_predict_tells_with_it(runs, series, key):
    run = runs[key]
    module, dt = run.module(), times_of(run, series)
    x = read(run, run.inputs) if run.takes_images else run.inputs
    expected = run.predict(run.inputs, dt=dt)
    assert difference(expected, run.outputs()) > 1e-3, "time makes a difference"
    unit = (run.description()["time"] or {"unit": 1.0})["unit"]
    assert difference(run.predict(run.inputs, dt=torch.full_like(dt, unit)), run.outputs()) <= TOLERANCE
    for gradients in (False, True):
        with torch.set_grad_enabled(gradients):
            assert difference(module(run.inputs, dt), expected) <= TOLERANCE
            assert difference(module(run.inputs[:1], dt[:1]), expected[:1]) <= TOLERANCE
            assert difference(module.sequence(x, None, dt)[0], expected) <= TOLERANCE
            assert difference(by_step(module, x, [dt])[0], expected) <= TOLERANCE
            # Numpy's time is float64.
            assert difference(module.sequence(x, None, dt.double())[0], expected) <= TOLERANCE


@pytest.mark.parametrize("key", TIMED, ids="-".join)
def test_time_that_goes_back_or_is_no_number_is_refused(runs, key):
    module = runs[key].module()
    x, (dt,) = drawn(runs[key], module, 3, 4)
    for wrong in (-0.5, float("nan"), float("inf")):
        dt[1, 2] = wrong
        with pytest.raises(torch.jit.Error, match="dt must hold finite numbers of at least 0"):
            module.sequence(x, None, dt)
        steps = runs[key].inputs.shape[2 if runs[key].takes_images else 1]
        with pytest.raises(torch.jit.Error, match="dt must hold finite numbers of at least 0"):
            module(runs[key].inputs[:3], torch.full((3, steps), wrong))


CELLS_WITH_TIME = [run for run in TIMED if run[0] in TIMED_MODELS]


# An LSTM in front of the state changes it, however short a step is.
@pytest.mark.parametrize("key", [run for run in CELLS_WITH_TIME if run[0] == "ltc" and "mixed" not in run], ids="-".join)
def test_a_step_of_no_time_leaves_potentials_as_they_are(runs, key):
    cell = runs[key].module().double().cell
    x, v = torch.randn(3, 5, len(cell.input_scale)).double(), torch.rand(3, len(cell.capacitance)).double()
    assert difference(cell.sequence(x, v, torch.zeros(3, 5).double())[1], v) <= 1e-14
    assert difference(cell.step(x[:, 0], v, torch.zeros(3).double())[1], v) <= 1e-14


@pytest.mark.parametrize("key", [run for run in CELLS_WITH_TIME if run[0] == "liquid"], ids="-".join)
def test_a_step_of_no_time_leaves_the_state_as_it_is(runs, key):
    cell = runs[key].module().double().cell
    x, h = torch.randn(3, 5, cell.input_weights.shape[1]).double(), torch.rand(3, len(cell.tau)).double()
    outputs, last = cell.sequence(x, h, torch.zeros(3, 5).double())
    assert torch.equal(last, h) and torch.equal(outputs[:, 2], h)
    assert torch.equal(cell.step(x[:, 0], h, torch.zeros(3).double())[1], h)


@pytest.mark.parametrize("key", CELLS_WITH_TIME, ids="-".join)
def test_a_cell_refuses_a_time_of_another_length(runs, key):
    module = runs[key].module()
    cell, (x, _) = module.cell, drawn(runs[key], module, 3, 10)
    for steps in (7, 12):
        with pytest.raises(torch.jit.Error, match=rf"dt is \[N, T\] = \[3, 10\], one number for each step, found \[3, {steps}\]"):
            cell.sequence(x, None, torch.ones(3, steps))


@pytest.fixture(scope="module")
def quarter(series, tmp_path_factory):
    """A run on the series whose unit of time is a quarter, and its module."""
    folder = tmp_path_factory.mktemp("quarter")
    lnn_cli("train", "--model", "liquid", "--data", series.spec + ",time_unit=0.25", "--epochs", 1, "--out", folder / "run",
            "--device", "cpu")
    lnn_cli("export", folder / "run", "--out", folder / "model.pt")
    lnn_cli("export", folder / "run", "--out", folder / "model.safetensors")
    return folder


def test_time_comes_in_the_unit_of_the_data(quarter, series):
    module, of_one = (torch.jit.load(quarter / "model.pt") for _ in range(2))
    assert json.loads(module.lnn_json)["time"]["unit"] == module.time.unit == 0.25
    of_one.time.unit = 1.0
    x, dt = series.inputs[:7], series.dt[:7]
    expected = of_one(x, dt / 0.25)
    assert difference(module(x, dt), expected) <= TOLERANCE
    assert difference(module.sequence(x, None, dt)[0], expected) <= TOLERANCE
    assert difference(by_step(module, x, [dt])[0], expected) <= TOLERANCE
    assert difference(module(x, dt / 0.25), expected) > 100 * TOLERANCE


def test_a_model_that_was_trained_with_time_warns_once_where_it_gets_none(quarter, series):
    module, plain = torch.jit.load(quarter / "model.pt"), lnn_torch.load(quarter / "model.safetensors")
    x, dt = series.inputs[:7], series.dt[:7]
    for model in (module, plain):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            for _ in range(3):
                model(x)
        found = [str(warning.message) for warning in caught if "got no dt" in str(warning.message)]
        assert len(found) == 1 and "trained with the time between steps, typically" in found[0], found
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model(x, dt)
    module.time.warned = False
    for model in (module, plain):
        with pytest.warns(UserWarning, match="the median dt is far from"):
            model(x, dt * 3600)


def variants(module):
    yield "saved and loaded", saved_and_loaded(module)
    yield "deep copy", copy.deepcopy(module)
    yield "frozen", torch.jit.freeze(module, preserved_attrs=METHODS)
    yield "frozen, saved and loaded", saved_and_loaded(torch.jit.freeze(module, preserved_attrs=METHODS))
    yield "double and back", copy.deepcopy(module).double().float()


@some_recurrent_runs
def test_copies_and_frozen_modules_have_the_same_methods(recurrent_run):
    module = recurrent_run.module()
    x, dt = drawn(recurrent_run, module, 7, 5)
    with torch.no_grad():
        expected, state = module.sequence(x, None, *dt)
        for name, variant in variants(module):
            for _ in range(3):  # the compiler watches two calls before it optimises
                found, last = variant.sequence(x, None, *dt)
                tolerance = TOLERANCE * max(1.0, expected.abs().max().item())
                assert difference(found, expected) <= tolerance, name
                assert_states_close(last, state, TOLERANCE)
                assert difference(by_step(variant, x, dt)[0], expected) <= tolerance, name
    assert not hasattr(torch.jit.freeze(module), "sequence"), "without preserved_attrs only forward stays"


@some_recurrent_runs
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_steps_too(recurrent_run, dtype):
    module = recurrent_run.module()
    x, dt = drawn(recurrent_run, module, 7, 5)
    with torch.no_grad():
        expected = module.sequence(x, None, *dt)[0]
        module.to(dtype)
        # Time stays float32, as it comes.
        found, state = module.sequence(x.to(dtype), None, *dt)
        assert difference(by_step(module, x.to(dtype), dt)[0], found) <= 0.1 * max(1.0, expected.abs().max().item())
    assert found.dtype == dtype and {tensor.dtype for tensor in state} == {dtype}
    assert torch.isfinite(found).all()


def test_what_does_not_fit_is_refused_in_words(recurrent_run):
    module = recurrent_run.module()
    x, dt = drawn(recurrent_run, module, 3, 4)
    width = x.shape[2]

    def refused(method, *arguments, error=torch.jit.Error):
        with pytest.raises(error) as error:
            getattr(module, method)(*arguments)
        return str(error.value)

    assert f"[N, T, {width}], found [3, 4, {width + 1}]" in refused("sequence", torch.rand(3, 4, width + 1))
    assert f"[N, T, {width}], found [3, 0, {width}]" in refused("sequence", x[:, :0])
    assert "floating-point" in refused("sequence", x.to(torch.uint8))
    assert f"one step is [N, I], found [3, 4, {width}]" in refused("step", x)
    _, state = module.sequence(x)
    assert "the state is of 3 sequences, x of 2" in refused("sequence", x[:2], state)
    assert f"the {len(state)} tensors that a call before gave, found {len(state) + 1}" in refused(
        "sequence", x, [*state, state[0]])
    assert bool(dt) == recurrent_run.takes_time
    for time in dt:
        assert "dt of one step is [N], found [3, 4]" in refused("step", x[:, 0], None, time)
        assert "dt is [N, T] = [3, 4], one number for each step, found [3, 3]" in refused("sequence", x, None, time[:, :3])
        assert "found [3, 4, 1]" in refused("sequence", x, None, time.unsqueeze(2))
        assert "dt is [N, T] = [3, 1]" in refused("step", x[:, 0], None, time[:2, 0])


@pytest.mark.parametrize("model", ["lnn", "cllnn"])
def test_a_model_that_sees_all_steps_at_once_has_no_step(runs, model):
    module = runs[model, "tuned"].module()
    assert not any(hasattr(module, method) for method in METHODS)


def test_columns_with_numbers_of_their_own_are_read_whole_and_not_by_step(data, test_set, tmp_path):
    run, file = tmp_path / "run", tmp_path / "model.pt"
    lnn_cli("train", "--model", "liquid", "--preset", "article", "--data", f"idx:{data}", "--epochs", 1, "--limit", 100,
            "--set", "model.scan=columns", "--out", run, "--device", "cpu")
    lnn_cli("export", run, "--out", file)
    module = torch.jit.load(file)
    assert module(test_set[0][:3]).shape == (3, 10)
    with pytest.raises(torch.jit.Error, match="standardization=channels"):
        module.sequence(torch.rand(3, 28, 28))


def test_changes_are_seen_across_a_cut(data, test_set, tmp_path):
    """A spiking model that hears changes alone keeps the last step in its state."""
    run, file = tmp_path / "run", tmp_path / "model.pt"
    lnn_cli("train", "--model", "snlnn", "--data", f"idx:{data}", "--epochs", 1, "--limit", 100, "--out", run, "--device", "cpu",
            "--set", 'model.encoding={"kind":"delta","scan":"rows","threshold":0.5}', "--set", "model.input_scale=0.5")
    lnn_cli("export", run, "--out", file)
    module, images = torch.jit.load(file).double(), test_set[0][:5].double()
    x = images.flatten(1, 2)
    expected = module(images)
    assert difference(module.sequence(x)[0], expected) <= 1e-10
    assert difference(by_step(module, x)[0], expected) <= 1e-10
    _, carried = module.sequence(x[:, :10])
    assert difference(module.sequence(x[:, 10:], carried)[0], expected) <= 1e-10
