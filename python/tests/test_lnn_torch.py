"""The plain PyTorch classes are the exported models, and go where TorchScript does not."""

import sys

import pytest
import torch

from conftest import ROOT, lnn_cli
from test_export import TOLERANCE, difference

sys.path.insert(0, str(ROOT / "python"))
import lnn_torch  # noqa: E402


@pytest.fixture
def plain(run, tmp_path):
    file = tmp_path / "model.safetensors"
    lnn_cli("export", run.folder, "--out", file)
    return lnn_torch.load(file)


def test_the_classes_give_the_logits_of_predict(plain, images, logits):
    with torch.no_grad():
        assert difference(plain(images), logits) <= TOLERANCE
        assert difference(plain(images[:1]), logits[:1]) <= TOLERANCE


def test_they_have_the_parameters_the_buffers_and_the_gradients_of_the_module(run, plain, test_set):
    images, labels = test_set[0][:16], test_set[1][:16]
    module = run.module()
    assert plain.state_dict().keys() == module.state_dict().keys()
    ours, others = dict(plain.named_parameters()), dict(module.named_parameters())
    assert ours.keys() == others.keys()
    for model in (plain.train(), module.train()):
        torch.nn.functional.cross_entropy(model(images), labels).backward()
    for name, parameter in ours.items():
        # What takes no part in one step from a zero state has no gradient here, and a gradient of zeros there.
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        scale = max(1.0, others[name].grad.abs().max().item())
        assert difference(found, others[name].grad) <= 1e-5 * scale, name
    for name, tensor in plain.state_dict().items():
        assert difference(tensor, module.state_dict()[name]) <= TOLERANCE, name


def test_torch_export_keeps_the_batch_free(plain, images, logits):
    batch = torch.export.Dim("N", min=1)
    program = torch.export.export(plain, (images[:3],), dynamic_shapes=({0: batch},))
    with torch.no_grad():
        for count in (64, 2, 7):
            assert difference(program.module()(images[:count]), logits[:count]) <= TOLERANCE


# The tuned LNN exports as well, but its 112 unrolled steps take the exporter minutes.
@pytest.mark.parametrize("run", [("lnn", "article"), ("cllnn", "tuned")], ids="-".join, indirect=True)
def test_onnx_gives_the_same_logits_for_any_batch(plain, images, logits, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    file = tmp_path / "model.onnx"
    batch = torch.export.Dim("N", min=1)
    torch.onnx.export(plain, (images[:3],), file, input_names=["images"], output_names=["logits"], dynamo=True,
                      dynamic_shapes=({0: batch},))
    session = runtime.InferenceSession(file)
    for count in (64, 1, 7):
        (found,) = session.run(None, {"images": images[:count].numpy()})
        assert difference(torch.from_numpy(found), logits[:count]) <= 1e-4


def test_a_file_that_is_not_of_the_program_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="expected the metadata lnn.json, found none"):
        lnn_torch.load(tmp_path / "other.safetensors")
