"""The plain PyTorch classes are the exported models, and go where TorchScript does not."""

import sys

import pytest
import torch
from safetensors.torch import save_file

from conftest import MIXED_RUNS, ROOT, UNTIMED_MODELS, lnn_cli, some_runs
from test_export import AUTOCAST, TOLERANCE, difference
from test_recurrent import assert_states_close, by_step, drawn

sys.path.insert(0, str(ROOT / "python"))
import lnn_torch  # noqa: E402

BATCH, TIME = torch.export.Dim("N", min=1), torch.export.Dim("T", min=1)


def plain_of(run, folder):
    file = folder / "model.safetensors"
    lnn_cli("export", run.folder, "--out", file)
    return lnn_torch.load(file)


@pytest.fixture
def plain(run, tmp_path):
    return plain_of(run, tmp_path)


@pytest.fixture
def recurrent_plain(recurrent_run, tmp_path):
    return plain_of(recurrent_run, tmp_path)


def test_the_classes_tell_what_predict_tells(plain, inputs, outputs):
    with torch.no_grad():
        assert difference(plain(inputs), outputs) <= TOLERANCE
        assert difference(plain(inputs[:1]), outputs[:1]) <= TOLERANCE


def assert_same_gradients(plain, module, loss):
    for model in (plain, module):
        model.zero_grad()
        loss(model).backward()
    ours, others = dict(plain.named_parameters()), dict(module.named_parameters())
    assert ours.keys() == others.keys()
    for name, parameter in ours.items():
        # What takes no part in one step from a zero state has no gradient, or a gradient of zeros.
        found, expected = (torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
                           for tensor in (parameter, others[name]))
        scale = max(1.0, expected.abs().max().item())
        assert difference(found, expected) <= 1e-5 * scale, name


def test_they_have_the_parameters_the_buffers_and_the_gradients_of_the_module(run, plain):
    module = run.module()
    assert plain.state_dict().keys() == module.state_dict().keys()
    plain.train(), module.train()
    if hasattr(module, "dropout"):  # no two passes leave out the same
        module.dropout, plain.dropout = 0.0, torch.nn.Identity()
    if run.preset == "traces":  # whose cells have dropout, too
        plain.cell.eval(), module.cell.eval()
    assert_same_gradients(plain, module, lambda model: run.loss(model(run.inputs[:16]), run.targets[:16]))
    for name, tensor in plain.state_dict().items():
        assert difference(tensor, module.state_dict()[name]) <= TOLERANCE, name


def test_sequences_and_steps_are_those_of_the_module(recurrent_run, recurrent_plain):
    module, plain = recurrent_run.module().double(), recurrent_plain.double()
    for batch, steps in ((1, 1), (7, 5), (64, 50)):
        x, dt = drawn(recurrent_run, module, batch, steps)
        expected, state = module.sequence(x, None, *dt)
        found, last = plain.sequence(x, None, *dt)
        assert difference(found, expected) <= 1e-10
        assert len(last) == len(state) and all(difference(a, b) <= 1e-8 for a, b in zip(last, state))
        assert difference(by_step(plain, x, dt, plain.rest(batch))[0], expected) <= 1e-10
        # A state goes from one to the other.
        again = module.sequence(x, last, *dt)[0]
        assert difference(plain.sequence(x, state, *dt)[0], again) <= 1e-10
    assert_same_gradients(plain, module, lambda model: model.sequence(x[:3, :9], None, *(t[:3, :9] for t in dt))[0].square().sum())


@pytest.mark.parametrize("recurrent_run", MIXED_RUNS, ids="-".join, indirect=True)
def test_with_mixed_memory_too_the_classes_tell_what_predict_tells_with_irregular_time(recurrent_run, recurrent_plain, series):
    run, plain, x, dt = recurrent_run, recurrent_plain, series.inputs[:64], series.dt[:64]
    names = {name for name, _ in plain.named_parameters()}
    assert {"cell.lstm.input_weights", "cell.lstm.recurrent_weights", "cell.lstm.bias"} <= names
    expected = run.predict(x, dt=dt)
    assert difference(expected, run.outputs()) > 1e-3, "time makes a difference"
    with torch.no_grad():
        assert difference(plain(x, dt), expected) <= TOLERANCE
        assert difference(by_step(plain, x, [dt])[0], expected) <= TOLERANCE
        plain, x, dt = plain.double(), x.double(), dt.double()
        whole, end = plain.sequence(x, None, dt)
        assert difference(by_step(plain, x, [dt], plain.rest(64))[0], whole) <= 1e-10
        for cut in (1, 5):
            _, carried = plain.sequence(x[:, :cut], None, dt[:, :cut])
            found, state = plain.sequence(x[:, cut:], carried, dt[:, cut:])
            assert difference(found, whole) <= 1e-10
            assert_states_close(state, end, 1e-10)


TIMED = [("liquid", "article", "toy"), ("liquid", "tuned", "series")]
# Every cell that the data's time reaches, with and without a wiring and mixed memory.
WITH_TIME = [*TIMED, ("gru", "tuned", "series"), ("lstm", "tuned", "series"), ("ltc", "tuned", "series"),
             ("ltc", "tuned", "series", "wired"), ("cfc", "article", "series"), ("cfc", "tuned", "series", "wired"), *MIXED_RUNS]


@pytest.mark.parametrize("recurrent_run", WITH_TIME, ids="-".join, indirect=True)
def test_a_time_that_does_not_fit_is_refused(recurrent_run, recurrent_plain):
    plain = recurrent_plain
    x, (dt,) = drawn(recurrent_run, plain, 3, 10)
    calls = [plain, lambda x, dt: plain.sequence(x, None, dt)]
    if recurrent_run.model not in UNTIMED_MODELS:
        calls.append(lambda x, dt: plain.cell.sequence(x, None, dt))
    for call in calls:
        call(x, dt)
        for steps in (7, 12):
            with pytest.raises(ValueError, match=rf"dt is \[N, T\] = \[3, 10\].*found \[3, {steps}\]"):
                call(x, torch.ones(3, steps))
    for wrong in (-1.0, float("nan"), float("inf")):
        dt[0, 3] = wrong
        for call in calls[:2]:
            with pytest.raises(ValueError, match="dt must hold finite numbers of at least 0"):
                call(x, dt)


@pytest.mark.parametrize("recurrent_run", TIMED, ids="-".join, indirect=True)
def test_a_step_of_no_time_leaves_the_state_as_it_is(recurrent_run, recurrent_plain):
    cell = recurrent_plain.double().cell
    x, h = torch.randn(3, 5, cell.input_weights.shape[1]).double(), torch.rand(3, cell.units).double()
    outputs, last = cell.sequence(x, h, torch.zeros(3, 5).double())
    assert torch.equal(last, h) and torch.equal(outputs[:, 2], h)


def test_a_network_without_time_refuses_it(runs, tmp_path):
    plain = plain_of(runs["lstm", "tuned", "toy"], tmp_path)
    for call in (plain, lambda x, dt: plain.sequence(x, None, dt), lambda x, dt: plain.step(x[:, 0], None, dt[:, 0])):
        with pytest.raises(ValueError, match="do not know time and the training data had none: leave out dt"):
            call(torch.randn(3, 6, 10), torch.ones(3, 6))


@pytest.mark.parametrize("key", [("liquid", "tuned", "series"), ("gru", "tuned", "series"), ("ltc", "tuned", "series")], ids="-".join)
def test_time_comes_in_the_unit_of_the_data(runs, series, tmp_path, key):
    plain = plain_of(runs[key], tmp_path)
    expected = plain(series.inputs[:7], series.dt[:7])
    given = series.dt[:7] * (4 / plain.time.unit)
    plain.time.unit = 4.0
    assert difference(plain(series.inputs[:7], given), expected) <= TOLERANCE


@some_runs
@pytest.mark.parametrize("dtype", AUTOCAST, ids=str)
def test_under_autocast_they_compute_nearly_the_same_and_learn(run, plain, dtype):
    outputs = run.outputs()
    with torch.autocast("cpu", dtype=dtype):
        found = plain(run.inputs)
    assert found.dtype == torch.float32
    assert difference(found, outputs) <= AUTOCAST[dtype] * (outputs.max() - outputs.min()).item()
    run.loss(found, run.targets).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in plain.parameters() if parameter.grad is not None)


@some_runs
def test_float64_inputs_give_what_the_module_gives(run, plain):
    found, expected = plain(run.inputs.double()), run.module()(run.inputs.double())
    assert found.dtype == expected.dtype and difference(found, expected) <= TOLERANCE


def test_pixels_outside_the_contract_are_refused_on_request(runs, tmp_path):
    plain, images = plain_of(runs["lnn", "tuned"], tmp_path), torch.rand(2, 1, 28, 28)
    plain.preprocessing.check(images)
    for wrong in (images * 255, images * float("nan")):
        with pytest.raises(ValueError, match="takes images in 0..1"):
            plain.preprocessing.check(wrong)


@pytest.mark.parametrize("surrogate", ["fast-sigmoid", "arctan", "straight-through"])
def test_a_spike_is_strict_and_lends_its_gradient_from_a_smooth_function(surrogate):
    from lnn_torch.cells import spike

    u = torch.tensor([-2.0, -0.1, 0.0, 0.05, 1.5], dtype=torch.float64, requires_grad=True)
    spikes = spike(u, surrogate, 4.0)
    assert spikes.tolist() == [0, 0, 0, 1, 1]
    spikes.sum().backward()
    slope = {"fast-sigmoid": (1 + 4 * u.abs()) ** -2, "arctan": 1 / (1 + 16 * u**2),
             "straight-through": (u.abs() < 0.125).double()}[surrogate]
    assert difference(u.grad, slope) <= 1e-12


def test_torch_export_keeps_the_batch_free(plain, inputs, outputs):
    program = torch.export.export(plain, (inputs[:3],), dynamic_shapes=({0: BATCH},)).module()
    with torch.no_grad():
        for count in (64, 2, 7):
            assert difference(program(inputs[:count]), outputs[:count]) <= TOLERANCE


@pytest.mark.parametrize("recurrent_run", WITH_TIME, ids="-".join, indirect=True)
@pytest.mark.parametrize("with_time", [False, True], ids=["steps of one", "irregular time"])
def test_torch_export_keeps_the_length_of_a_sequence_free(recurrent_run, recurrent_plain, with_time):
    plain = recurrent_plain.requires_grad_(False)

    def arguments(batch, steps):
        x, dt = drawn(recurrent_run, plain, batch, steps)
        return (x, *dt) if with_time else (x,)

    example = arguments(3, 4)
    shapes = tuple({0: BATCH, 1: TIME} for _ in example)
    program = torch.export.export(plain, example, dynamic_shapes=shapes).module()
    for size in ((1, 1), (2, 5), (64, 50)):
        given = arguments(*size)
        assert difference(program(*given), plain(*given)) <= TOLERANCE


def onnx_session(model, example, file, **options):
    """A session of onnxruntime on the model, exported with one example."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    torch.onnx.export(model.requires_grad_(False), example, file, dynamo=True, **options)
    session = runtime.InferenceSession(file)
    names = [given.name for given in session.get_inputs()]
    return lambda *tensors: [
        torch.from_numpy(array) for array in session.run(None, {n: t.numpy() for n, t in zip(names, tensors, strict=True)})
    ]


# The tuned LNN exports as well, but its 112 unrolled steps take the exporter minutes.
@pytest.mark.parametrize("run", [("lnn", "article"), ("snlnn", "tuned"), ("cllnn", "tuned"), ("liquid", "tuned"),
                                 ("gru", "tuned"), ("cfc", "tuned"), ("ltc", "article", "toy")],
                         ids="-".join, indirect=True)
def test_onnx_tells_the_same_for_any_batch(plain, inputs, outputs, tmp_path):
    session = onnx_session(plain, (inputs[:3],), tmp_path / "model.onnx", dynamic_shapes=({0: BATCH},))
    for count in (64, 1, 7):
        assert difference(session(inputs[:count])[0], outputs[:count]) <= 1e-4


@pytest.mark.parametrize("recurrent_run", WITH_TIME[1:], ids="-".join, indirect=True)
def test_onnx_tells_the_same_for_any_length_and_irregular_time(recurrent_run, recurrent_plain, tmp_path):
    x, (dt,) = drawn(recurrent_run, recurrent_plain, 3, 4)
    shapes = ({0: BATCH, 1: TIME}, {0: BATCH, 1: TIME})
    session = onnx_session(recurrent_plain, (x, dt), tmp_path / "model.onnx", dynamic_shapes=shapes)
    for batch, steps in ((64, 12), (1, 1), (7, 50)):
        x, (dt,) = drawn(recurrent_run, recurrent_plain, batch, steps)
        assert difference(session(x, dt)[0], recurrent_plain(x, dt)) <= 1e-4


@pytest.mark.parametrize("recurrent_run", [("snlnn", "tuned"), *WITH_TIME[1:]], ids="-".join, indirect=True)
def test_onnx_takes_single_steps_of_any_batch(recurrent_run, recurrent_plain, tmp_path):
    plain = recurrent_plain.requires_grad_(False)

    def first(batch):
        x, dt = drawn(recurrent_run, plain, batch, 5)
        return x, dt, plain.rest(batch)

    x, dt, state = first(3)
    shapes = ({0: BATCH}, [{0: BATCH} for _ in state], *({0: BATCH} for _ in dt))
    example = (x[:, 0], state, *(time[:, 0] for time in dt))
    session = onnx_session(lnn_torch.Step(plain), example, tmp_path / "step.onnx", dynamic_shapes=shapes)
    for batch in (1, 7):
        x, dt, state = first(batch)
        for t in range(x.shape[1]):
            output, *state = session(x[:, t], *state, *(time[:, t] for time in dt))
        assert difference(output, plain.sequence(x, None, *dt)[0]) <= 1e-4


def trained(model, data, folder, *settings):
    """A short run with settings of its own: the exported module and the plain class."""
    run, module, weights = folder / "run", folder / "model.pt", folder / "model.safetensors"
    lnn_cli("train", "--model", model, "--data", f"idx:{data}", "--epochs", 1, "--limit", 100, "--out", run, "--device", "cpu",
            *settings)
    lnn_cli("export", run, "--out", module)
    lnn_cli("export", run, "--out", weights)
    return torch.jit.load(module), lnn_torch.load(weights)


OF_A_POLICY = 'model.wiring={"kind":"auto-ncp","outputs":3,"sparsity":0.5,"seed":1}'
UNMIXED = "model.mixed_memory=false"
# The tensors of a layer's state.
STATES = {"lstm": 2, "cfc": 3}


@pytest.mark.parametrize("model, settings", [("liquid", []), ("lstm", []), ("cifar", ["model.stretches=2"]), ("gru", []),
                                             ("ltc", [OF_A_POLICY, "model.solver=runge-kutta"]),
                                             ("cfc", [OF_A_POLICY, UNMIXED, "model.backbone.layers=0", "model.mode=pure"])],
                         ids=lambda value: value if isinstance(value, str) else "")
def test_stacked_layers_are_those_of_the_module(data, test_set, tmp_path, model, settings):
    settings = [*settings, "model.layers=3", "model.units=12"]
    module, plain = trained(model, data, tmp_path, *(word for setting in settings for word in ("--set", setting)))
    names = {name.split(".")[0] for name, _ in plain.named_parameters()}
    assert names == {"readout", *(["layer0", "layer0_1", "layer0_2"] if model == "cifar" else ["cell", "cell_1", "cell_2"])}
    assert plain.state_dict().keys() == module.state_dict().keys()
    module, plain, images = module.double(), plain.double(), test_set[0][:7].double()
    expected = module(images)
    assert difference(plain(images), expected) <= 1e-10
    if model == "cifar":  # which sees all stretches at once
        assert not hasattr(module, "step")
        with pytest.raises(ValueError, match="cannot be run step by step"):
            plain.step(images.flatten(1), None)
        return
    x = images.permute(0, 2, 1, 3).flatten(2)
    for stepped, state in (by_step(module, x), by_step(plain, x, state=plain.rest(7))):
        assert difference(stepped, expected) <= 1e-10
        # The states of all layers, then the mean's sum and number of steps.
        assert len(state) == 3 * STATES.get(model, 1) + 2


CONFIGURATIONS = {
    "no gate": ("cfc", [UNMIXED, "model.mode=no-gate"]),
    "no backbone": ("cfc", [UNMIXED, "model.backbone.layers=0"]),
    "pure": ("cfc", ["model.mode=pure", "model.backbone.layers=2"]),
    **{name: ("cfc", [UNMIXED, "model.backbone.layers=2", f"model.backbone.activation={name}"])
       for name in ("lecun-tanh", "tanh", "relu", "silu", "gelu")},
    "pure and wired": ("cfc", ["model.mode=pure", "model.backbone.layers=0", 'model.wiring={"kind":"random","sparsity":0.4,"seed":2}']),
    "no gate and wired": ("cfc", ["model.mode=no-gate", "model.backbone.layers=0", 'model.wiring={"kind":"full","seed":2}']),
    "euler": ("ltc", ["model.solver=euler", "model.unfolds=30"]),
    "runge-kutta": ("ltc", ["model.solver=runge-kutta", "model.unfolds=8"]),
    "random": ("ltc", ['model.wiring={"kind":"random","sparsity":0.4,"seed":2}']),
    "ncp": ("ltc", ['model.wiring={"kind":"ncp","command":4,"motor":2,"sensory_fanout":2,"inter_fanout":2,"recurrent_command":3,'
                    '"motor_fanin":2,"seed":4}']),
    "given": ("ltc", ['model.wiring={"kind":"given","outputs":2,"sensory":[[0,0,1],[3,1,-1]],"synapses":[[5,0,1],[1,5,-1]]}']),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_mode_activation_solver_and_wiring_is_that_of_the_module(tmp_path, name):
    model, settings = CONFIGURATIONS[name]
    run, module, weights = tmp_path / "run", tmp_path / "model.pt", tmp_path / "model.safetensors"
    settings = ["model.units=12", *settings]
    lnn_cli("train", "--model", model, "--data", "toy", "--epochs", 2, "--out", run, "--device", "cpu", "--precision", "f64",
            *(word for setting in settings for word in ("--set", setting)))
    lnn_cli("export", run, "--out", module)
    lnn_cli("export", run, "--out", weights)
    module, plain = torch.jit.load(module), lnn_torch.load(weights)
    x, dt = torch.randn(7, 6, 10, dtype=torch.float64), torch.rand(7, 6, dtype=torch.float64) * 0.5
    expected, state = module.sequence(x, None, dt)
    found, last = plain.sequence(x, None, dt)
    assert difference(found, expected) <= 1e-10
    assert_states_close(last, state, 1e-10)
    assert difference(module(x), expected) > 1e-6, "time makes a difference"
    assert_same_gradients(plain, module, lambda model: model(x, dt).square().sum())


@pytest.mark.parametrize("model", ["liquid", "lnn", "cifar"])
def test_a_model_in_double_precision_comes_in_double_precision(data, test_set, tmp_path, model):
    settings = ["--preset", "article", "--precision", "f64"]
    module, plain = trained(model, data, tmp_path, *settings)
    for loaded in (module, plain):
        assert {tensor.dtype for tensor in loaded.state_dict().values()} == {torch.float64}
    images = test_set[0][:7].double()
    assert difference(plain(images), module(images)) <= 1e-10


BACK = [("lnn", "tuned"), ("snlnn", "tuned"), ("cllnn", "tuned"), ("cifar", "conv"), ("liquid", "tuned", "series"),
        ("lstm", "tuned", "series"), ("gru", "tuned"), ("ltc", "tuned", "series", "wired"), ("cfc", "article", "series"), *MIXED_RUNS]


@pytest.mark.parametrize("key", BACK, ids="-".join)
def test_a_plain_model_that_was_trained_goes_back_into_the_program(runs, tmp_path, key):
    run = runs[key]
    plain = plain_of(run, tmp_path)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        run.loss(plain(run.inputs), run.targets).backward()
        optimizer.step()
    lnn_torch.save(plain, tmp_path / "changed.pt")
    lnn_cli("import", tmp_path / "changed.pt", "--out", tmp_path / "checkpoint")
    with torch.no_grad():
        expected = plain(run.inputs)
    assert difference(expected, run.outputs()) > 1e-3
    tolerance = TOLERANCE * max(1.0, expected.abs().max().item())
    assert difference(run.predict(run.inputs, tmp_path / "checkpoint"), expected) <= tolerance
    lnn_torch.save(plain, tmp_path / "changed.safetensors")
    again = lnn_torch.load(tmp_path / "changed.safetensors")
    assert again.description == plain.description
    assert difference(again(run.inputs), expected) == 0


def test_a_saved_model_that_was_made_double_is_a_double_one_in_the_program(runs, tmp_path):
    run = runs["ltc", "tuned", "series"]
    plain = plain_of(run, tmp_path).double()
    lnn_torch.save(plain, tmp_path / "double.pt")
    lnn_cli("import", tmp_path / "double.pt", "--out", tmp_path / "checkpoint")
    lnn_cli("export", tmp_path / "checkpoint", "--out", tmp_path / "double.safetensors")
    again = lnn_torch.load(tmp_path / "double.safetensors")
    assert {tensor.dtype for tensor in again.state_dict().values()} == {torch.float64}
    x, dt = run.inputs.double(), torch.rand(64, run.inputs.shape[1]).double() + 0.1
    assert difference(again(x, dt), plain(x, dt)) <= 1e-10


def test_what_cannot_be_saved_is_refused_in_words(runs, tmp_path):
    plain = plain_of(runs["gru", "tuned"], tmp_path)
    with pytest.raises(ValueError, match="expected the ending .pt or .safetensors, found"):
        lnn_torch.save(plain, tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="must be float32 or float64, found .*hint: model.float"):
        lnn_torch.save(plain.half(), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="the model has no description"):
        lnn_torch.save(torch.nn.Linear(1, 1), tmp_path / "model.pt")
    lnn_torch.save(plain.float(), tmp_path / "model.pt")
    with pytest.raises(torch.jit.Error, match="this file holds weights for `lnn-cli import`"):
        torch.jit.load(tmp_path / "model.pt")(torch.zeros(1))


def test_a_file_that_is_not_of_the_program_is_refused(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected the metadata lnn.json, found none"):
        lnn_torch.load(tmp_path / "other.safetensors")
    for version, hint in ((9, "update lnn_torch"), (1, "export it again")):
        save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors", {"lnn.json": f'{{"export_version": {version}}}'})
        with pytest.raises(ValueError, match=f"expected export version 2, found {version}; hint: {hint}"):
            lnn_torch.load(tmp_path / "other.safetensors")
