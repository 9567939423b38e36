"""An exported module behaves as one that was written in Python."""

import copy
import io
import json

import pytest
import torch
from safetensors import safe_open

from conftest import ROOT, some_runs

TOLERANCE = 1e-5


def difference(a, b):
    return (a.double() - b.double()).abs().max().item()


def saved_and_loaded(module):
    file = io.BytesIO()
    torch.jit.save(module, file)
    file.seek(0)
    return torch.jit.load(file)


def test_it_tells_what_predict_tells_for_any_batch(run, inputs, outputs, record_property):
    module = run.module()
    # The larger batches come between smaller ones: the compiler must not have settled for the first shape.
    errors = [difference(module(inputs[:batch]), outputs[:batch]) for batch in (1, 2, 64, 7, 1, 64)]
    record_property("difference", max(errors))
    assert max(errors) <= TOLERANCE


def test_a_few_inputs_give_what_predict_gives_for_them_alone(run, inputs):
    assert difference(run.module()(inputs[:1]), run.predict(inputs[:1])) <= TOLERANCE
    assert difference(run.module()(inputs[:7]), run.predict(inputs[:7])) <= TOLERANCE


def test_parameters_are_what_trains_and_buffers_are_the_rest_under_the_names_of_the_checkpoint(run):
    module = run.module()
    with safe_open(run.folder / "best.safetensors", "pt") as checkpoint:
        stored = {name.removeprefix("model."): checkpoint.get_tensor(name) for name in checkpoint.keys()
                  if name.startswith("model.")}
    parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    fixed = ["preprocessing.", ".running_", "readout.mean", "readout.deviation", "reservoir.active", "whitening", "polarity", "mask"]
    if run.model != "snlnn":  # whose reservoir trains
        fixed.append("reservoir")
    assert {name for name in stored if not any(part in name for part in fixed)} == parameters.keys()
    assert parameters.keys() | buffers.keys() == stored.keys()
    assert not parameters.keys() & buffers.keys()
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in parameters.values())
    assert not any(buffer.requires_grad for buffer in buffers.values())
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, stored[name]), name


@some_runs
def test_a_state_dict_makes_another_module_the_same(run, inputs):
    module, other = run.module(), run.module()
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.mul_(1.1)
    assert difference(other(inputs), module(inputs)) > 1e-3
    result = other.load_state_dict(module.state_dict())
    assert not result.missing_keys and not result.unexpected_keys
    assert torch.equal(other(inputs), module(inputs))


def test_float64_is_more_precise_and_comes_from_float64(run, inputs, outputs):
    module = run.module().to(torch.float64)
    assert {tensor.dtype for tensor in module.state_dict().values()} == {torch.float64}
    found = module(inputs.double())
    assert found.dtype == torch.float64
    assert difference(found, outputs) <= 1e-4
    assert difference(module.float()(inputs), outputs) <= TOLERANCE


@some_runs
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_nearly_the_same(run, inputs, outputs, dtype):
    module = run.module().to(dtype)
    with torch.no_grad():
        found = module(inputs.to(dtype))
    assert found.dtype == dtype
    spread = (outputs.max() - outputs.min()).item()
    assert difference(found, outputs) <= 0.1 * spread


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused_where_it_cannot_hold_the_statistics(runs, series, dtype):
    run = runs["liquid", "tuned", "series"]
    module = run.module()
    with torch.no_grad():
        module.preprocessing.mean.add_(1e4 * module.preprocessing.deviation)
    assert torch.isfinite(module(run.inputs)).all()
    with pytest.raises(torch.jit.Error, match="do not fit into this dtype"):
        module.to(dtype)(run.inputs.to(dtype))


# The share of the spread of the outputs by which products in a lower precision may move them.
AUTOCAST = {torch.bfloat16: 0.05, torch.float16: 0.01}


@some_runs
@pytest.mark.parametrize("dtype", AUTOCAST, ids=str)
def test_under_autocast_it_computes_nearly_the_same_in_the_dtype_of_the_model(run, inputs, outputs, dtype):
    module, spread = run.module(), (outputs.max() - outputs.min()).item()
    with torch.no_grad():
        for _ in range(3):  # the compiler watches two calls before it optimises
            with torch.autocast("cpu", dtype=dtype):
                found = module(inputs)
            assert found.dtype == torch.float32 and difference(found, outputs) <= AUTOCAST[dtype] * spread
            assert difference(module(inputs), outputs) <= TOLERANCE, "without autocast again"


@some_runs
@pytest.mark.parametrize("dtype", AUTOCAST, ids=str)
def test_it_learns_under_autocast(run, dtype):
    # Without the draws of dropout and of random spikes the gradients can be compared.
    inputs, targets = run.inputs[:16], run.targets[:16]
    found = []
    for enabled in (False, True):
        module = run.module()
        with torch.autocast("cpu", dtype=dtype, enabled=enabled):
            loss = run.loss(module(inputs), targets)
        loss.backward()
        found.append(torch.cat([parameter.grad.flatten() for parameter in module.parameters() if parameter.grad is not None]))
    expected, lower = found
    assert torch.isfinite(lower).all()
    assert torch.nn.functional.cosine_similarity(expected, lower, dim=0) > 0.95


@some_runs
def test_float64_inputs_are_taken_and_values_come_back_in_float64(run, inputs, outputs):
    module = run.module()
    found = module(inputs.double())
    assert found.dtype == (torch.float32 if run.takes_images else torch.float64)
    assert difference(found, outputs) <= TOLERANCE
    assert difference(module(torch.from_numpy(inputs.double().numpy())), found) == 0
    if not run.takes_images and run.preset != "article":  # which standardises nothing
        assert difference(found, found.float()) > 0, "the digits behind float32 are there"


def test_float64_inputs_far_from_zero_are_standardised_before_they_are_rounded(runs):
    run = runs["liquid", "tuned", "series"]
    module = run.module()
    expected = module(run.inputs)
    offset = 2.0**20
    with torch.no_grad():
        module.preprocessing.mean.add_(offset)
    # In float32 the rows would lose all but a few of their bits beside the offset. The mean was rounded, too.
    moved = run.inputs.double() - run.module().preprocessing.mean.double() + module.preprocessing.mean.double()
    assert difference(module(moved), expected) <= TOLERANCE
    assert difference(module(moved.float()), expected) > 100 * TOLERANCE


@some_runs
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_it_moves_to_a_gpu_and_back(run, inputs, outputs):
    module = run.module().to("cuda")
    found = module(inputs.cuda())
    found.sum().backward()
    assert found.device.type == "cuda"
    assert difference(found.cpu(), outputs) <= 1e-3
    assert difference(module.cpu()(inputs), outputs) <= TOLERANCE


@some_runs
def test_freezing_and_optimizing_keep_the_outputs(run, inputs, outputs):
    frozen = torch.jit.freeze(run.module().eval())
    optimized = torch.jit.optimize_for_inference(run.module().eval())
    # The optimised module calls other kernels, which round otherwise.
    for fast, tolerance in ((frozen, TOLERANCE), (saved_and_loaded(frozen), TOLERANCE), (optimized, 1e-4)):
        for batch in (64, 1, 7):
            assert difference(fast(inputs[:batch]), outputs[:batch]) <= tolerance


@some_runs
def test_a_deep_copy_shares_nothing(run, inputs, outputs):
    module = run.module()
    twin = copy.deepcopy(module)
    assert dict(twin.named_parameters()).keys() == dict(module.named_parameters()).keys()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert difference(module(inputs), outputs) <= TOLERANCE
    assert difference(twin(inputs), outputs) > 1e-3


@some_runs
def test_saved_again_it_is_the_same_module(run, inputs, outputs):
    module = saved_and_loaded(saved_and_loaded(run.module()))
    assert difference(module(inputs), outputs) <= TOLERANCE
    assert {name for name, _ in module.named_parameters()} == {name for name, _ in run.module().named_parameters()}
    assert json.loads(module.lnn_json)["checkpoint"]["model"]["kind"] == run.model


def test_training_mode_uses_and_keeps_the_statistics_of_the_batch(runs, test_set):
    module, images = runs["cllnn", "tuned"].module(), test_set[0][:64]
    assert not module.training and not module.block0.normalization.training
    name = "block0.normalization.running_mean"
    before = module.state_dict()[name].clone()
    in_evaluation = module(images)
    assert torch.equal(module.state_dict()[name], before)
    module.train()
    assert module.training and module.block0.normalization.training
    assert difference(module(images), in_evaluation) > 1e-3
    assert not torch.equal(module.state_dict()[name], before)
    module.eval()
    assert torch.equal(module(images), module(images))


# These articles show one step from a zero state, which recurrent weights take no part in.
IDLE = {("cllnn", "article"): {"lstm.recurrent_weights"}, ("snlnn", "article"): {"reservoir.recurrent_weights"}}


def test_gradients_reach_every_parameter_and_the_input(run):
    inputs, targets = run.inputs[:16].clone().requires_grad_(), run.targets[:16]
    module = run.module()
    for _ in range(3):
        module.zero_grad()
        run.loss(module(inputs), targets).backward()
    without = {name for name, parameter in module.named_parameters()
               if parameter.grad is None or parameter.grad.abs().max() == 0}
    assert without == (IDLE.get((run.model, run.preset), set()) if run.takes_images else set())
    assert inputs.grad.abs().max() > 0


OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.03, momentum=0.9),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=3e-3),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model, preset, noise", [("lnn", "tuned", 30), ("cllnn", "article", 5), ("snlnn", "tuned", 10),
                                                  ("liquid", "tuned", 3)])
def test_fine_tuning_of_perturbed_weights_lowers_the_loss_and_raises_the_accuracy_on_unseen_images(
    runs, test_set, model, preset, noise, optimizer
):
    images, labels = test_set
    learn, held_out = slice(0, 120), slice(120, 300)
    module = runs[model, preset].module()
    torch.manual_seed(0)
    with torch.no_grad():
        weight = module.readout.weight
        weight.add_(torch.randn_like(weight) * noise * weight.std())

    def accuracy():
        with torch.no_grad():
            return (module.eval()(images[held_out]).argmax(1) == labels[held_out]).float().mean().item()

    before, losses = accuracy(), []
    stepper = OPTIMIZERS[optimizer](module.parameters())
    for _ in range(10):
        stepper.zero_grad()
        loss = torch.nn.functional.cross_entropy(module.train()(images[learn]), labels[learn])
        loss.backward()
        stepper.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0], losses
    assert accuracy() > before + 0.1, (before, accuracy(), losses)


def test_fine_tuning_on_sequences_lowers_the_error_on_unseen_ones(runs, series):
    learn, held_out = slice(0, 50), slice(50, None)
    module = runs["liquid", "tuned", "series"].module()
    torch.manual_seed(0)
    with torch.no_grad():
        weight = module.readout.weight
        weight.add_(torch.randn_like(weight) * 2 * weight.std())

    def error(part):
        return torch.nn.functional.mse_loss(module(series.inputs[part], series.dt[part]), series.targets[part])

    with torch.no_grad():
        before = error(held_out).item()
    stepper = torch.optim.AdamW(module.parameters(), lr=3e-3)
    for _ in range(20):
        stepper.zero_grad()
        error(learn).backward()
        stepper.step()
    with torch.no_grad():
        assert error(held_out).item() < 0.7 * before


def test_the_file_says_what_the_model_is_and_takes(run):
    extra = {"lnn.json": ""}
    module = torch.jit.load(run.module_file, _extra_files=extra)
    description = json.loads(extra["lnn.json"])
    assert description == json.loads(module.lnn_json)
    checkpoint, best = description["checkpoint"], description["metrics"]["best"]
    if run.takes_images:
        assert description["time"] is None
        assert description["input"] == {
            "content": "images", "shape": ["N", 1, 28, 28], "dtype": "float32", "range": [0.0, 1.0],
        }
        names = [str(digit) for digit in range(10)]
        assert (description["class_names"], description["value_names"]) == (names, [])
        assert checkpoint["input"] == {
            "shape": {"kind": "images", "channels": 1, "height": 28, "width": 28},
            "task": {"kind": "classification", "class_names": names},
        }
        assert (description["output"]["content"], description["output"]["shape"]) == ("logits", ["N", 10])
        assert 0 <= best["val_accuracy"] <= 1
    else:
        features, values = (["a", "b", "c"], ["b"]) if "csv" in run.data else ([f"x{i}" for i in range(10)], ["y"])
        assert description["input"] == {
            "content": "sequences", "shape": ["N", "T", len(features)], "dtype": "float32", "range": None,
        }
        assert (description["class_names"], description["value_names"]) == ([], values)
        timing = checkpoint["input"].pop("timing", None)
        levels = checkpoint["input"].pop("quantiles", [])
        assert description.get("quantiles", []) == levels == run.quantiles
        assert checkpoint["input"].pop("missing", None) == ("mask" if "missing=mask" in run.data else None)
        assert description["time"] == (timing and {"unit": timing["unit"], "typical_dt": timing["unit"] * timing["typical_dt"]})
        assert checkpoint["input"] == {
            "shape": {"kind": "sequences", "features": features},
            "task": {"kind": "regression", "value_names": values},
        }
        if "csv" in run.data:
            # The median of the differences of the column of time, which is their unit, too, where none is asked for.
            assert 0.05 < description["time"]["typical_dt"] < 1 and timing["typical_dt"] == pytest.approx(1)
        else:
            assert timing is None
        assert (description["output"]["content"], description["output"]["shape"]) == ("values", ["N", max(1, len(levels))])
        assert best["val_loss"] >= 0 and best["val_accuracy"] is None
    # The release that the program is built on, whichever reads it.
    assert f"torch=={description['torch_version']}\n" in (ROOT / "scripts/requirements.txt").read_text()
    # Without the folders of the machine, which a module that is given away must not show.
    reader, _, path = run.data.partition(":")
    expected = f"{reader}:{path.rpartition('/')[2]}" if path else reader
    assert (checkpoint["data"], checkpoint["seed"]) == (expected, 0)
    assert checkpoint["program_version"] and checkpoint["program_commit"]


def test_images_of_another_shape_or_type_are_refused_in_words(image_run):
    module = image_run.module()
    with pytest.raises(torch.jit.Error, match=r"takes images \[N, 1, 28, 28\], found \[2, 1, 14, 56\]"):
        module(torch.rand(2, 1, 14, 56))
    with pytest.raises(torch.jit.Error, match=r"images.float\(\) / 255"):
        module(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))


def test_sequences_of_another_shape_or_type_are_refused_in_words(sequence_run):
    module, features = sequence_run.module(), sequence_run.inputs.shape[2]
    for shape in ((2, 5, features + 1), (5, features), (2, 0, features)):
        found = ", ".join(map(str, shape))
        with pytest.raises(torch.jit.Error, match=rf"takes sequences \[N, T, {features}\], found \[{found}\]"):
            module(torch.rand(shape))
    with pytest.raises(torch.jit.Error, match="takes floating-point sequences"):
        module(torch.zeros(2, 5, features, dtype=torch.uint8))


def test_pixels_outside_the_contract_are_refused_on_request(runs):
    module = runs["lnn", "tuned"].module()
    contract = json.loads(module.lnn_json)["input"]["range"]
    assert contract == [0.0, 1.0]
    images = torch.rand(2, 1, 28, 28)
    module.preprocessing.check(images)
    for wrong in (images * 255, images - 0.1, images * float("nan")):
        with pytest.raises(torch.jit.Error, match=r"takes images in 0..1, found .*hint: bytes are divided by 255"):
            module.preprocessing.check(wrong)
    series = runs["liquid", "tuned", "series"]
    with pytest.raises(torch.jit.Error, match="takes finite numbers"):
        series.module().preprocessing.check(series.inputs / 0)


@some_runs
def test_an_empty_batch_gives_nothing(run, inputs, outputs):
    assert run.module()(inputs[:0]).shape == (0, outputs.shape[1])
