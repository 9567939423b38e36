"""An exported module behaves as one that was written in Python."""

import copy
import io
import json

import pytest
import torch
from safetensors import safe_open

TOLERANCE = 1e-5


def difference(a, b):
    return (a.double() - b.double()).abs().max().item()


def saved_and_loaded(module):
    file = io.BytesIO()
    torch.jit.save(module, file)
    file.seek(0)
    return torch.jit.load(file)


def test_the_logits_are_those_of_predict_for_any_batch(run, images, logits, record_property):
    module = run.module()
    # The larger batches come between smaller ones: the compiler must not have settled for the first shape.
    errors = [difference(module(images[:batch]), logits[:batch]) for batch in (1, 2, 64, 7, 1, 64)]
    record_property("difference", max(errors))
    assert max(errors) <= TOLERANCE


def test_a_few_images_give_what_predict_gives_for_them_alone(run, images):
    assert difference(run.module()(images[:1]), run.predict(images[:1])) <= TOLERANCE
    assert difference(run.module()(images[:7]), run.predict(images[:7])) <= TOLERANCE


def test_parameters_are_what_trains_and_buffers_are_the_rest_under_the_names_of_the_checkpoint(run):
    module = run.module()
    with safe_open(run.folder / "best.safetensors", "pt") as checkpoint:
        stored = {name.removeprefix("model."): checkpoint.get_tensor(name) for name in checkpoint.keys()
                  if name.startswith("model.")}
    parameters, buffers = dict(module.named_parameters()), dict(module.named_buffers())
    fixed = ("reservoir", "preprocessing.", ".running_", "readout.mean", "readout.deviation")
    assert {name for name in stored if not any(part in name for part in fixed)} == parameters.keys()
    assert parameters.keys() | buffers.keys() == stored.keys()
    assert not parameters.keys() & buffers.keys()
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in parameters.values())
    assert not any(buffer.requires_grad for buffer in buffers.values())
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, stored[name]), name


def test_a_state_dict_makes_another_module_the_same(run, images):
    module, other = run.module(), run.module()
    with torch.no_grad():
        for tensor in other.state_dict().values():
            tensor.mul_(1.1)
    assert difference(other(images), module(images)) > 1e-3
    result = other.load_state_dict(module.state_dict())
    assert not result.missing_keys and not result.unexpected_keys
    assert torch.equal(other(images), module(images))


def test_float64_is_more_precise_and_comes_from_float64(run, images, logits):
    module = run.module().to(torch.float64)
    assert {tensor.dtype for tensor in module.state_dict().values()} == {torch.float64}
    found = module(images.double())
    assert found.dtype == torch.float64
    assert difference(found, logits) <= 1e-4
    assert difference(module.float()(images), logits) <= TOLERANCE


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_gives_nearly_the_same(run, images, logits, dtype):
    module = run.module().to(dtype)
    with torch.no_grad():
        found = module(images.to(dtype))
    assert found.dtype == dtype
    spread = (logits.max() - logits.min()).item()
    assert difference(found, logits) <= 0.1 * spread


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_it_moves_to_a_gpu_and_back(run, images, logits):
    module = run.module().to("cuda")
    found = module(images.cuda())
    found.sum().backward()
    assert found.device.type == "cuda"
    assert difference(found.cpu(), logits) <= 1e-3
    assert difference(module.cpu()(images), logits) <= TOLERANCE


def test_freezing_and_optimizing_keep_the_logits(run, images, logits):
    frozen = torch.jit.freeze(run.module().eval())
    optimized = torch.jit.optimize_for_inference(run.module().eval())
    # The optimised module calls other kernels, which round otherwise.
    for fast, tolerance in ((frozen, TOLERANCE), (saved_and_loaded(frozen), TOLERANCE), (optimized, 1e-4)):
        for batch in (64, 1, 7):
            assert difference(fast(images[:batch]), logits[:batch]) <= tolerance


def test_a_deep_copy_shares_nothing(run, images, logits):
    module = run.module()
    twin = copy.deepcopy(module)
    assert dict(twin.named_parameters()).keys() == dict(module.named_parameters()).keys()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert difference(module(images), logits) <= TOLERANCE
    assert difference(twin(images), logits) > 1e-3


def test_saved_again_it_is_the_same_module(run, images, logits):
    module = saved_and_loaded(saved_and_loaded(run.module()))
    assert difference(module(images), logits) <= TOLERANCE
    assert {name for name, _ in module.named_parameters()} == {name for name, _ in run.module().named_parameters()}
    assert json.loads(module.lnn_json)["checkpoint"]["model"]["kind"] == run.model


def test_training_mode_uses_and_keeps_the_statistics_of_the_batch(runs, images):
    module = runs["cllnn", "tuned"].module()
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


def test_gradients_reach_every_parameter_and_the_images(run, test_set):
    images, labels = test_set[0][:16].clone().requires_grad_(), test_set[1][:16]
    module = run.module()
    for _ in range(3):
        module.zero_grad()
        torch.nn.functional.cross_entropy(module(images), labels).backward()
    # The article shows one step from a zero state, which recurrent weights take no part in.
    idle = {"lstm.recurrent_weights"} if (run.model, run.preset) == ("cllnn", "article") else set()
    without = {name for name, parameter in module.named_parameters() if parameter.grad.abs().max() == 0}
    assert without == idle
    assert images.grad.abs().max() > 0


OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.03, momentum=0.9),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=3e-3),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=1e-3),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model, preset, noise", [("lnn", "tuned", 30), ("cllnn", "article", 5)])
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


def test_the_file_says_what_the_model_is_and_takes(run, data):
    extra = {"lnn.json": ""}
    module = torch.jit.load(run.module_file, _extra_files=extra)
    description = json.loads(extra["lnn.json"])
    assert description == json.loads(module.lnn_json)
    assert description["input"] == {
        "content": "images", "shape": ["N", 1, 28, 28], "dtype": "float32", "range": [0.0, 1.0],
    }
    assert description["output"]["shape"] == ["N", 10]
    assert description["class_names"] == [str(digit) for digit in range(10)]
    assert description["torch_version"] == torch.__version__.split("+")[0]
    assert 0 <= description["metrics"]["best"]["val_accuracy"] <= 1
    checkpoint = description["checkpoint"]
    assert (checkpoint["data"], checkpoint["seed"]) == (f"idx:{data}", 0)
    assert checkpoint["program_version"] and checkpoint["program_commit"]


def test_images_of_another_shape_or_type_are_refused_in_words(run):
    module = run.module()
    with pytest.raises(torch.jit.Error, match=r"takes images \[N, 1, 28, 28\], found \[2, 1, 14, 56\]"):
        module(torch.rand(2, 1, 14, 56))
    with pytest.raises(torch.jit.Error, match=r"images.float\(\) / 255"):
        module(torch.zeros(2, 1, 28, 28, dtype=torch.uint8))


def test_an_empty_batch_gives_no_logits(run):
    assert run.module()(torch.rand(0, 1, 28, 28)).shape == (0, 10)
