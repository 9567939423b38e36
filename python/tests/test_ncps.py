"""Layers of ncps become models, go into the program, and come back."""

import json
import sys

import numpy as np
import pytest
import torch

from conftest import ROOT, lnn_cli
from test_export import TOLERANCE, difference

sys.path.insert(0, str(ROOT / "python"))
import lnn_torch  # noqa: E402

pytest.importorskip("ncps.torch")
from ncps.torch import LTC, CfC  # noqa: E402
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random, Wiring  # noqa: E402

INPUTS, STEPS = 3, 6
TOLERANCES = {torch.float32: 1e-5, torch.float64: 1e-10}
WIRINGS = {
    "full": lambda: FullyConnected(5),
    "full-without-self": lambda: FullyConnected(6, 2, self_connections=False),
    "random": lambda: Random(6, sparsity_level=0.4),
    "random-of-outputs": lambda: Random(8, 3, sparsity_level=0.5, random_seed=3),
    "ncp": lambda: NCP(5, 4, 2, 2, 2, 3, 2),
    "auto-ncp": lambda: AutoNCP(12, 3),
}
# epsilon is what we leave out; one test is about it.
LTCS = {f"ltc-{name}": lambda wiring=wiring, **options: LTC(INPUTS, wiring(), epsilon=0.0, **options)
        for name, wiring in WIRINGS.items()}
LTCS |= {
    "ltc-of-units": lambda **options: LTC(INPUTS, 7, epsilon=0.0, ode_unfolds=1, **options),
    "ltc-explicit": lambda **options: LTC(INPUTS, AutoNCP(12, 3), epsilon=0.0, ode_unfolds=3, implicit_param_constraints=False, **options),
    "ltc-linear": lambda **options: LTC(INPUTS, AutoNCP(12, 3), epsilon=0.0, input_mapping="linear", output_mapping="linear", **options),
    "ltc-unmapped": lambda **options: LTC(INPUTS, 7, epsilon=0.0, input_mapping=None, output_mapping=None, **options),
}
MODES = ("default", "pure", "no_gate")
CFCS = {f"cfc-{mode}-{layers}": lambda mode=mode, layers=layers, **options: CfC(
            INPUTS, 7, mode=mode, backbone_layers=layers, backbone_units=9, **options)
        for mode in MODES for layers in (0, 1, 2)}
CFCS |= {f"cfc-{name}": lambda name=name, **options: CfC(INPUTS, 7, activation=name, backbone_layers=2, backbone_units=9, **options)
         for name in ("tanh", "relu", "silu", "gelu")}
CFCS |= {f"cfc-{mode}-{name}": lambda mode=mode, wiring=wiring, **options: CfC(INPUTS, wiring(), mode=mode, **options)
         for mode in MODES for name, wiring in WIRINGS.items()}
LAYERS = LTCS | CFCS


def made(name, dtype=torch.float64, **options):
    """A layer of ncps and a readout, with numbers that differ from those that they start with."""
    torch.manual_seed(0)
    layer = LAYERS[name](**options).to(dtype)
    with torch.no_grad():
        for key, parameter in layer.named_parameters():
            if not key.endswith("sparsity_mask"):
                parameter.mul_(0.8 + 0.4 * torch.rand_like(parameter)).add_(0.1 * torch.rand_like(parameter))
    width = layer(torch.zeros(1, 1, INPUTS, dtype=dtype), state_of(layer, 1, dtype))[0].shape[-1]
    return layer, torch.nn.Linear(width, 2).to(dtype)


def state_of(layer, batch, dtype):
    """A state of ncps: the whole potentials and, with mixed memory, the memory."""
    h, c = torch.rand(2, batch, layer.state_size, dtype=dtype) - 0.5
    return (h, c) if layer.use_mixed else h


def at_rest(layer, dtype):
    """The state of one sequence before its first step: ncps makes one in float32 alone."""
    h = torch.zeros(1, layer.state_size, dtype=dtype)
    return (h, h) if layer.use_mixed else h


def sizes_of(layer):
    """The layers of units, of which ncps puts the first first in a state, and we the last."""
    wiring = getattr(layer, "wiring", None)
    return [len(wiring.get_neurons_of_layer(i)) for i in range(wiring.num_layers)] if wiring else [layer.state_size]


def as_ours(layer, state):
    """A state of ncps as the list of ours."""
    h, *memory = state if layer.use_mixed else (state,)
    sizes = sizes_of(layer)
    return [*h.split(sizes, 1)[::-1], *(torch.cat(c.split(sizes, 1)[::-1], 1) for c in memory)]


LTC_NAMES = {"input_w": "input_scale", "input_b": "input_bias", "gleak": "g_leak", "vleak": "v_leak", "cm": "capacitance",
             "erev": "reversal", "sensory_erev": "sensory_reversal", "output_w": "output_scale", "output_b": "output_bias"}


def gradients_of_ncps(layer):
    """The gradients of a layer of ncps under our names. Those of positive numbers are of the numbers, not of their parameters."""
    found = {name: parameter.grad for name, parameter in layer.named_parameters() if parameter.requires_grad}
    ours = {}
    if isinstance(layer, LTC):
        implicit = layer.rnn_cell._implicit_param_constraints
        for name, parameter in layer.rnn_cell.named_parameters():
            if parameter.requires_grad:
                slope = torch.sigmoid(parameter.detach()) if implicit and name in ("gleak", "cm", "w", "sensory_w") else 1
                ours[f"cell.{LTC_NAMES.get(name, name)}"] = parameter.grad / slope
    else:
        wired = hasattr(layer, "wiring")
        for part in [f"layer_{i}." for i in range(len(sizes_of(layer)))] if wired else [""]:
            own = {name.removeprefix("rnn_cell." + part): gradient for name, gradient in found.items()
                   if name.startswith("rnn_cell." + part)}
            heads = [own[f"{name}.weight"] for name in ("ff1", "ff2", "time_a", "time_b") if f"{name}.weight" in own]
            biases = [own[f"{name}.bias"] for name in ("ff1", "ff2", "time_a", "time_b") if f"{name}.bias" in own]
            ours[f"cell.{part}head_bias"] = torch.cat(biases)
            units = len(biases[0])
            if "backbone.0.weight" in own:
                first, name = own["backbone.0.weight"], "backbone"
                ours["cell.backbone_bias"], ours["cell.head_weights"] = own["backbone.0.bias"], torch.cat(heads)
                if "backbone.2.weight" in own:
                    ours |= {"cell.backbone_weights_1": own["backbone.2.weight"], "cell.backbone_bias_1": own["backbone.2.bias"]}
            else:
                first, name = torch.cat(heads), "head"
            ours[f"cell.{part}{name}_input_weights"] = first[:, :-units]
            ours[f"cell.{part}{name}_recurrent_weights"] = first[:, -units:]
            if "A" in own:
                ours |= {f"cell.{part}w_tau": own["w_tau"][0], f"cell.{part}amplitude": own["A"][0]}
    if not layer.use_mixed:
        return ours
    ours = {f"cell.{name}": gradient for name, gradient in ours.items()}
    sizes = sizes_of(layer)

    def ordered(tensor):
        """Rows of the gates g, i, f, o as those of i, f, g, o, each with the units of the last layer first."""
        g, i, f, o = (torch.cat(gate.split(sizes)[::-1]) for gate in tensor.chunk(4))
        return torch.cat([i, f, g, o])

    recurrent = ordered(found["lstm.recurrent_map.weight"])
    return ours | {
        "cell.lstm.input_weights": ordered(found["lstm.input_map.weight"]),
        "cell.lstm.recurrent_weights": torch.cat(recurrent.split(sizes, 1)[::-1], 1),
        "cell.lstm.bias": ordered(found["lstm.input_map.bias"]),
    }


def gradients_of(model):
    """The gradients of a model, those of positive numbers as of ncps."""
    return {name: parameter.grad / (torch.sigmoid(parameter.detach())
                                    if name.split(".")[-1] in ("g_leak", "capacitance", "w", "sensory_w") else 1)
            for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
@pytest.mark.parametrize("mixed", [False, True], ids=["plain", "mixed"])
@pytest.mark.parametrize("name", LAYERS)
def test_outputs_states_and_gradients_are_those_of_ncps(name, mixed, dtype):
    tolerance = TOLERANCES[dtype]
    layer, readout = made(name, dtype, mixed_memory=mixed)
    model = lnn_torch.from_ncps(layer, readout, typical_dt=0.5)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}
    # ncps 1.0.1 takes time of one sequence alone.
    for batch, dt in ((1, torch.rand(1, STEPS, dtype=dtype) + 0.1), (5, torch.ones(5, STEPS, dtype=dtype))):
        x, state = torch.randn(batch, STEPS, INPUTS, dtype=dtype), state_of(layer, batch, dtype)
        layer.zero_grad(), readout.zero_grad(), model.zero_grad()
        outputs, last = layer(x, state, timespans=dt if batch == 1 else None)
        expected = readout(outputs)
        found, after = model.sequence(x, as_ours(layer, state), dt)
        assert found.shape == (batch, STEPS, 2) and difference(found, expected) <= tolerance
        assert len(after) == len(as_ours(layer, last))
        assert all(difference(a, b) <= tolerance for a, b in zip(after, as_ours(layer, last)))
        weights = torch.randn_like(expected)
        (expected * weights).sum().backward(), (found * weights).sum().backward()
        theirs, ours = gradients_of_ncps(layer), gradients_of(model)
        theirs |= {f"readout.{key}": parameter.grad for key, parameter in readout.named_parameters()}
        for missing in ours.keys() - theirs.keys():  # what the layer leaves out
            assert missing.endswith(("input_scale", "input_bias", "output_scale", "output_bias")), missing
        assert theirs.keys() <= ours.keys()
        for key, gradient in theirs.items():
            scale = max(1.0, gradient.abs().max().item())
            assert ours[key].shape == gradient.shape and difference(ours[key], gradient) <= tolerance * scale, key


def test_the_epsilon_of_ncps_makes_no_more_difference_than_it_is_large():
    torch.manual_seed(0)
    layer = LTC(INPUTS, AutoNCP(12, 3)).double()
    x = torch.randn(4, STEPS, INPUTS).double()
    found = difference(lnn_torch.from_ncps(layer)(x), layer(x)[0])
    assert 0 < found <= 1e-7


@pytest.mark.parametrize("name", ["ltc-auto-ncp", "cfc-default-1", "cfc-pure-auto-ncp"])
@pytest.mark.parametrize("sequences", [False, True], ids=["once", "after each step"])
def test_without_a_readout_the_outputs_themselves_are_predicted(name, sequences):
    layer, _ = made(name, return_sequences=sequences)
    model = lnn_torch.from_ncps(layer, features=["a", "b", "c"])
    x = torch.randn(4, STEPS, INPUTS).double()
    expected = layer(x)[0]
    assert model(x).shape == expected.shape and difference(model(x), expected) <= 1e-10
    assert model.description["value_names"] == [f"y{i}" for i in range(expected.shape[-1])]
    assert model.description["checkpoint"]["input"]["shape"]["features"] == ["a", "b", "c"]


@pytest.mark.parametrize("sequences", [False, True], ids=["once", "after each step"])
def test_whether_it_predicts_after_each_step_can_be_chosen(sequences):
    layer, readout = made("ltc-auto-ncp")
    x = torch.randn(4, STEPS, INPUTS).double()
    expected = readout(layer(x)[0])
    layer.return_sequences = not sequences
    found = lnn_torch.from_ncps(layer, readout, per_step=sequences)(x)
    assert difference(found, expected if sequences else expected[:, -1]) <= 1e-10


def test_the_projection_of_a_layer_is_the_readout():
    torch.manual_seed(0)
    layer, x = CfC(INPUTS, AutoNCP(12, 3), proj_size=4), torch.randn(4, STEPS, INPUTS)
    model = lnn_torch.from_ncps(layer, classes=["a", "b", "c", "d"])
    assert difference(model(x), layer(x)[0]) <= TOLERANCE
    assert model.description["class_names"] == ["a", "b", "c", "d"] and model.description["output"]["content"] == "logits"
    with pytest.raises(ValueError, match="the projection of proj_size is the readout"):
        lnn_torch.from_ncps(layer, torch.nn.Linear(4, 1))


def test_weights_that_were_loaded_into_another_wiring_bring_their_synapses():
    torch.manual_seed(0)
    for build in (lambda seed: LTC(INPUTS, AutoNCP(12, 3, seed=seed), epsilon=0.0), lambda seed: CfC(INPUTS, AutoNCP(12, 3, seed=seed))):
        layer, other = build(1), build(2)
        layer.load_state_dict(other.state_dict())
        x = torch.randn(4, STEPS, INPUTS)
        found = [lnn_torch.from_ncps(each) for each in (layer, other)]
        assert difference(found[0](x), layer(x)[0]) <= TOLERANCE
        pairs = [{tuple(synapse[:2]) for synapse in model.description["checkpoint"]["model"]["wiring"]["sensory"]} for model in found]
        assert pairs[0] == pairs[1]


def test_zeros_where_a_number_must_be_positive_become_small_and_are_told():
    layer, _ = made("ltc-explicit")
    with torch.no_grad():
        layer.rnn_cell.w[layer.rnn_cell.sparsity_mask == 0] = -1.0  # no synapse, therefore of no consequence
        layer.rnn_cell.gleak[:3] = 0.0
        layer.rnn_cell.sensory_w[:, -1] = 0.0
    synapses = int((layer.rnn_cell.sensory_sparsity_mask[:, -1] != 0).sum())
    assert synapses > 0
    with pytest.warns(UserWarning, match=rf"below 1e-09 and became so large: 3 in `gleak`, {synapses} in `sensory_w`") as caught:
        model = lnn_torch.from_ncps(layer)
    assert caught[0].filename == __file__
    x = torch.randn(4, STEPS, INPUTS).double()
    assert difference(model(x), layer(x)[0]) <= 1e-6


def refused(layer, *arguments, error=ValueError, **options):
    with pytest.raises(error) as found:
        lnn_torch.from_ncps(layer, *arguments, **options)
    return str(found.value)


def test_what_has_no_equivalent_is_refused_in_words():
    assert "expected ncps.torch.LTC or ncps.torch.CfC, found LSTM" in refused(torch.nn.LSTM(3, 4), error=TypeError)
    layer, _ = made("ltc-explicit")
    with torch.no_grad():
        layer.rnn_cell.cm[:2] = -0.1
        layer.rnn_cell.cm[2] = float("nan")
    text = refused(layer)
    assert "`cm` must be at least 0, found 3" in text and "apply_weight_constraints" in text
    assert "epsilon of 0 to 1e-06" in refused(LTC(INPUTS, 4, epsilon=1e-3))
    assert "float32 or float64" in refused(LTC(INPUTS, 4).half())
    assert "both the same" in refused(LTC(INPUTS, 4), torch.nn.Linear(4, 1).double())
    assert "must take the 4 outputs of the layer, found 5" in refused(LTC(INPUTS, 4), torch.nn.Linear(5, 1))
    assert "features must have 3 names, found 1" in refused(LTC(INPUTS, 4), features=["a"])
    assert "values must have 4 names, found 1" in refused(LTC(INPUTS, 4), values=["a"])
    assert "not both" in refused(LTC(INPUTS, 4), values=list("abcd"), classes=list("abcd"))
    assert "typical_dt must be above 0" in refused(LTC(INPUTS, 4), typical_dt=0.0)
    lonely = Wiring(4)
    lonely.set_output_dim(2)
    lonely.build(INPUTS)
    lonely.add_sensory_synapse(0, 1, 1)
    assert "none that leads to the units [0]" in refused(LTC(INPUTS, lonely))

    class Upwards(NCP):
        def get_neurons_of_layer(self, layer_id):
            return [list(range(3)), list(range(3, 7)), list(range(7, 9))][layer_id]

    assert "the last layer must have the first numbers" in refused(CfC(INPUTS, Upwards(3, 4, 2, 2, 2, 3, 2)))


def test_dropout_is_carried_over_or_told_to_be_left_out():
    layer = CfC(INPUTS, 4, backbone_layers=2, backbone_units=5, backbone_dropout=0.25)
    backbone = lnn_torch.from_ncps(layer).description["checkpoint"]["model"]["backbone"]
    assert backbone == {"units": 5, "layers": 2, "activation": "lecun-tanh", "dropout": 0.25}
    layer = CfC(INPUTS, 4, backbone_layers=2, backbone_units=5, backbone_dropout=0.25, activation="gelu")
    with pytest.warns(UserWarning, match="the dropout of 0.25 was left out: with gelu there is none here"):
        model = lnn_torch.from_ncps(layer)
    assert model.description["checkpoint"]["model"]["backbone"]["dropout"] == 0.0
    # Three layers with dropout between them lie at other places in the backbone of ncps.
    layer = CfC(INPUTS, 4, backbone_layers=3, backbone_units=5, backbone_dropout=0.25).eval()
    model, x = lnn_torch.from_ncps(layer), torch.randn(4, STEPS, INPUTS)
    assert difference(model(x), layer(x)[0]) <= TOLERANCE
    back = lnn_torch.to_ncps(model)[0]
    assert not back.training and difference(back(x)[0], layer(x)[0]) <= TOLERANCE
    assert difference(model.train()(x), model(x)) > 1e-3, "units are left out in training"


@pytest.mark.parametrize("mixed", [False, True], ids=["plain", "mixed"])
@pytest.mark.parametrize("name", [name for name in LAYERS if name != "ltc-explicit"])
def test_a_layer_that_came_comes_back_as_it_was(name, mixed):
    layer, readout = made(name, mixed_memory=mixed, return_sequences=name != "cfc-pure-2")
    back, out = lnn_torch.to_ncps(lnn_torch.from_ncps(layer, readout))
    assert type(back) is type(layer) and back.return_sequences == layer.return_sequences
    found, expected = back.state_dict(), layer.state_dict()
    for key in found.keys() - expected.keys():  # mappings that the layer leaves out
        assert key.removeprefix("rnn_cell.") in ("input_w", "input_b", "output_w", "output_b")
    for key, tensor in expected.items():
        assert found[key].shape == tensor.shape and difference(found[key], tensor) <= 1e-15, key
    assert torch.equal(out.weight, readout.weight) and torch.equal(out.bias, readout.bias)
    wiring = getattr(layer, "wiring", getattr(layer, "_wiring", None))
    if wiring is not None:
        again = getattr(back, "wiring", getattr(back, "_wiring", None))
        assert np.array_equal(again.adjacency_matrix, wiring.adjacency_matrix)
        assert np.array_equal(again.sensory_adjacency_matrix, wiring.sensory_adjacency_matrix)


OF_A_POLICY = 'model.wiring={"kind":"auto-ncp","outputs":3,"sparsity":0.5,"seed":1}'


@pytest.mark.parametrize("model, settings", [
    ("ltc", ["model.unfolds=3"]),
    ("ltc", ["model.mixed_memory=true", OF_A_POLICY]),
    ("cfc", []),
    ("cfc", ["model.backbone.layers=0", "model.mixed_memory=true", OF_A_POLICY]),
], ids=["ltc", "ltc-wired-mixed", "cfc", "cfc-wired-mixed"])
def test_a_model_of_the_program_becomes_a_layer_that_tells_the_same(series, tmp_path, model, settings):
    settings = ["model.units=12", 'model.summaries=["last"]', *settings]
    lnn_cli("train", "--model", model, "--data", series.spec, "--epochs", 1, "--out", tmp_path / "run", "--device", "cpu",
            *(word for setting in settings for word in ("--set", setting)))
    lnn_cli("export", tmp_path / "run", "--out", tmp_path / "model.safetensors")
    plain = lnn_torch.load(tmp_path / "model.safetensors")
    layer, readout = lnn_torch.to_ncps(plain)
    with torch.no_grad():
        for x, dt in zip(series.inputs[:5].split(1), series.dt[:5].split(1)):
            standardized = plain.preprocessing(x, torch.float32)
            outputs, _ = layer(standardized, timespans=dt / plain.time.unit)
            found = plain.preprocessing.to_units(readout(outputs), x)
            assert difference(found, plain(x, dt)) <= TOLERANCE


def test_a_model_that_ncps_has_no_equivalent_of_is_refused_in_words():
    def refused_back(error=ValueError, **changes):
        model = lnn_torch.from_ncps(LTC(INPUTS, 4))
        model.description["checkpoint"]["model"] |= changes
        with pytest.raises(error) as found:
            lnn_torch.to_ncps(model)
        return str(found.value)

    images = {"kind": "images", "channels": 1, "height": 3, "width": 3}
    config = lnn_torch.from_ncps(LTC(INPUTS, 4)).description["checkpoint"]["model"]
    of_images = lnn_torch.Ltc(config, {"shape": images, "task": {"kind": "classification", "class_names": ["a"]}}, "none")
    of_images.description = {"checkpoint": {"model": config}}
    with pytest.raises(ValueError, match="this model reads images"):
        lnn_torch.to_ncps(of_images)
    assert "found the solver euler" in refused_back(solver="euler")
    assert "found a model of 2" in refused_back(layers=2)
    assert "whose readout sees ['last', 'mean']" in refused_back(summaries=["last", "mean"])
    with pytest.raises(TypeError, match="expected a model `ltc` or `cfc`, found Linear"):
        lnn_torch.to_ncps(torch.nn.Linear(1, 1))


@pytest.mark.parametrize("name, mixed", [("ltc-auto-ncp", False), ("ltc-auto-ncp", True), ("cfc-default-auto-ncp", True)], ids=str)
def test_the_program_evaluates_a_layer_and_trains_it_on(series, tmp_path, name, mixed):
    layer, _ = made(name, torch.float32, mixed_memory=mixed)
    model = lnn_torch.from_ncps(layer, torch.nn.Linear(layer.output_size, 1), features=["a", "b", "c"], values=["b"], typical_dt=0.36,
                                per_step=False)
    lnn_torch.save(model, tmp_path / "model.pt")
    lnn_cli("import", tmp_path / "model.pt", "--out", tmp_path / "checkpoint")
    with torch.no_grad():
        error = (model(series.inputs, series.dt) - series.targets).abs().mean().item()
    evaluated = json.loads(lnn_cli("eval", tmp_path / "checkpoint", "--data", series.spec, "--json", "--device", "cpu")[0])
    assert evaluated["data"]["mean_absolute_error"] == pytest.approx(error, rel=1e-4)
    lnn_cli("train", "--model", name[:3], "--init", tmp_path / "checkpoint", "--data", series.spec, "--epochs", 3, "--lr", 0.03, "--out",
            tmp_path / "run", "--device", "cpu")
    trained = json.loads(lnn_cli("eval", tmp_path / "run", "--data", series.spec, "--json", "--device", "cpu")[0])
    assert trained["data"]["loss"] < evaluated["data"]["loss"]


PROGRAM = [(name, mixed, dtype, per_step) for name in ("ltc-random-of-outputs", "ltc-auto-ncp", "cfc-pure-2", "cfc-default-auto-ncp")
           for mixed, dtype, per_step in ((False, torch.float32, False), (True, torch.float32, True), (True, torch.float64, False))]


@pytest.mark.parametrize("name, mixed, dtype, per_step", PROGRAM, ids=str)
def test_the_program_imports_and_predicts_what_ncps_tells(tmp_path, name, mixed, dtype, per_step):
    layer, readout = made(name, dtype, mixed_memory=mixed, return_sequences=per_step)
    model = lnn_torch.from_ncps(layer, readout, values=["a", "b"], typical_dt=0.5)
    lnn_torch.save(model, tmp_path / "model.pt")
    checkpoint, weights = tmp_path / "model.checkpoint", tmp_path / "model.safetensors"
    text, _ = lnn_cli("inspect", tmp_path / "model.pt")
    assert "a, b" in text
    lnn_cli("import", tmp_path / "model.pt", "--out", checkpoint)
    x, dt = torch.randn(4, STEPS, INPUTS, dtype=dtype), torch.rand(4, STEPS, dtype=dtype) + 0.1
    given, times, wanted = (tmp_path / file for file in ("x.npy", "dt.npy", "y.npy"))
    np.save(given, x.numpy()), np.save(times, dt.numpy())
    lnn_cli("predict", checkpoint, "--input", given, "--dt", times, "--output", wanted, "--device", "cpu")
    found = torch.from_numpy(np.load(wanted))
    with torch.no_grad():
        for i in range(4):
            outputs, _ = layer(x[i : i + 1], at_rest(layer, dtype), timespans=dt[i : i + 1])
            assert difference(found[i : i + 1], readout(outputs)) <= TOLERANCES[dtype]
    lnn_cli("export", checkpoint, "--out", weights)
    again = lnn_torch.load(weights)
    assert difference(again(x, dt), model(x, dt)) <= TOLERANCES[dtype]
    if not mixed:
        lnn_cli("export", checkpoint, "--out", tmp_path / "module.pt")
        assert difference(torch.jit.load(tmp_path / "module.pt")(x, dt), found) <= TOLERANCES[dtype]
    back, _ = lnn_torch.to_ncps(again)
    assert all(difference(tensor, layer.state_dict()[key]) <= 1e-6 for key, tensor in back.state_dict().items()
               if key in layer.state_dict())
