"""A module that was changed in Python goes back into a checkpoint, and what does not fit is refused."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from conftest import lnn_cli
from test_export import TOLERANCE, difference


def fine_tuned(run):
    """The run's module after a few steps of training."""
    module = run.module()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-2)
    module.train()
    for _ in range(3):
        optimizer.zero_grad()
        run.loss(module(run.inputs), run.targets).backward()
        optimizer.step()
    return module.eval()


def of_units(units, name, tensor):
    """What of a tensor belongs to units that lived from the start: others may be born in training."""
    if units is None or name in ("model.readout.bias", "model.preprocessing.mean", "model.preprocessing.deviation"):
        return tensor
    if name == "model.readout.weight":
        return tensor.unflatten(1, (2, -1))[:, :, :units]
    return tensor[:units, :units] if name == "model.reservoir.recurrent_weights" else tensor[:units]


TUNED = [("lnn", "tuned"), ("snlnn", "tuned"), ("cllnn", "tuned"), ("liquid", "tuned"), ("liquid", "tuned", "series"),
         ("gru", "tuned", "series"), ("ltc", "tuned", "series", "wired"), ("cfc", "article", "series")]


@pytest.mark.parametrize("key", TUNED, ids="-".join)
def test_a_fine_tuned_module_predicts_is_evaluated_exported_and_trains_on_in_the_program(
    runs, test_set, series, tmp_path, key
):
    run = runs[key]
    module = fine_tuned(run)
    inputs = run.inputs[:32]
    with torch.no_grad():
        expected = module(inputs)
    assert difference(expected, run.outputs()[:32]) > 1e-2
    torch.jit.save(module, tmp_path / "tuned.pt")
    checkpoint = tmp_path / "tuned.safetensors"
    lnn_cli("import", tmp_path / "tuned.pt", "--out", checkpoint)
    # Fine-tuning so short and so fast may leave large logits.
    assert difference(run.predict(inputs, checkpoint), expected) <= TOLERANCE * max(1.0, expected.abs().max().item())

    lnn_cli("export", checkpoint, "--out", tmp_path / "again.pt")
    assert difference(torch.jit.load(tmp_path / "again.pt")(inputs), expected) <= TOLERANCE
    evaluated = json.loads(lnn_cli("eval", checkpoint, "--data", run.data, "--json", "--device", "cpu")[0])["data"]
    with torch.no_grad():
        if run.takes_images:
            accuracy = (module(test_set[0]).argmax(1) == test_set[1]).double().mean().item()
            assert evaluated["accuracy"] == pytest.approx(accuracy, abs=1e-6)
        else:
            error = (module(series.inputs, series.dt) - series.targets).abs().mean().item()
            assert evaluated["mean_absolute_error"] == pytest.approx(error, rel=1e-4)

    out = tmp_path / "run"
    # A learning rate near zero: after an epoch, the weights are still those that the run started from.
    lnn_cli("train", "--model", run.model, "--init", checkpoint, "--data", run.data, "--epochs", 1, "--out", out,
            "--lr", 1e-12, "--set", "optimizer.weight_decay=0", "--device", "cpu")
    with safe_open(checkpoint, "pt") as before, safe_open(out / "last.safetensors", "pt") as after:
        units = int(before.get_tensor("model.reservoir.active").sum()) if run.model == "snlnn" else None
        for name in before.keys():
            if "running" not in name and "active" not in name:
                old, new = (of_units(units, name, file.get_tensor(name)) for file in (before, after))
                assert difference(old, new) <= 1e-6, name


def test_a_checkpoint_of_another_model_is_no_start(runs, data, tmp_path):
    start = runs["cllnn", "tuned"].folder
    arguments = ["train", "--init", start, "--data", f"idx:{data}", "--out", tmp_path / "run"]
    assert "expected a checkpoint of lnn, found cllnn" in lnn_cli(*arguments, "--model", "lnn", code=2)[1]
    changed = lnn_cli(*arguments, "--model", "cllnn", "--set", "model.lstm_units=7", code=2)[1]
    assert "the model of the configuration is not that of" in changed


def test_weights_that_lie_transposed_or_share_memory_come_back_with_their_values(runs, tmp_path):
    module = runs["liquid", "tuned", "series"].module()
    parameters = dict(module.named_parameters())
    whole = torch.zeros(sum(parameter.numel() for parameter in parameters.values()) + 7)
    place = 3
    for parameter in parameters.values():
        shared = whole[place : place + parameter.numel()].view(parameter.shape[::-1]).permute(*range(parameter.dim())[::-1])
        shared.copy_(parameter.detach())
        parameter.data = shared
        place += parameter.numel()
    torch.jit.save(module, tmp_path / "shared.pt")
    lnn_cli("import", tmp_path / "shared.pt", "--out", tmp_path / "shared.safetensors")
    with safe_open(tmp_path / "shared.safetensors", "pt") as checkpoint:
        for name, tensor in module.state_dict().items():
            assert torch.equal(checkpoint.get_tensor(f"model.{name}"), tensor), name


def test_a_module_with_a_wrong_checksum_is_refused(runs, tmp_path):
    content = bytearray(runs["lnn", "tuned"].module_file.read_bytes())
    weights = next(iter(runs["lnn", "tuned"].module().parameters())).detach().numpy().tobytes()
    content[content.index(weights[:64]) + 5] ^= 1
    (tmp_path / "damaged.pt").write_bytes(content)
    for command in (["inspect"], ["import", "--out", tmp_path / "x"]):
        assert "checksum" in lnn_cli(command[0], tmp_path / "damaged.pt", *command[1:], code=2)[1].lower()


def refusal_of(module, folder, **extra):
    file = folder / "changed.pt"
    torch.jit.save(module, file, **extra)
    _, text = lnn_cli("import", file, "--out", folder / "never.safetensors", code=2)
    assert not (folder / "never.safetensors").exists()
    return text


# A model of images and one of sequences.
OLD_AND_NEW = [("lnn", "tuned"), ("liquid", "tuned", "series")]


@pytest.mark.parametrize("key", OLD_AND_NEW, ids="-".join)
def test_what_does_not_fit_is_named(runs, tmp_path, key):
    run = runs[key]
    text = refusal_of(run.module().double(), tmp_path)
    assert "found Double" in text and "module.float()" in text
    assert "torch.jit.freeze" in refusal_of(torch.jit.freeze(run.module()), tmp_path)
    frozen = torch.jit.freeze(run.module())
    described = refusal_of(frozen, tmp_path, _extra_files={"lnn.json": run.module().lnn_json})
    assert "as a parameter, found nothing" in described or "as a buffer, found nothing" in described
    assert "found neither" in refusal_of(torch.jit.script(torch.nn.Linear(2, 3)), tmp_path)
    for version, hint in ((7, "newer lnn-cli"), (1, "export it again")):
        other = run.module().lnn_json.replace('"export_version": 2', f'"export_version": {version}')
        text = refusal_of(frozen, tmp_path, _extra_files={"lnn.json": other})
        assert f"format {version}" in text and hint in text


class Renamed(torch.nn.Module):
    """A module that describes itself as a run's, and holds the tensors that it is given."""

    def __init__(self, tensors):
        super().__init__()
        for name, (tensor, trains) in tensors.items():
            *parts, last = name.split(".")
            place = self
            for part in parts:
                if not hasattr(place, part):
                    place.add_module(part, torch.nn.Module())
                place = getattr(place, part)
            if trains:
                place.register_parameter(last, torch.nn.Parameter(tensor))
            else:
                place.register_buffer(last, tensor)

    def forward(self, x):
        return x


def changed_refusal(run, folder, change):
    module = run.module()
    trains = {name for name, _ in module.named_parameters()}
    tensors = {name: (tensor.clone(), name in trains) for name, tensor in module.state_dict().items()}
    change(tensors)
    return refusal_of(torch.jit.script(Renamed(tensors)), folder, _extra_files={"lnn.json": module.lnn_json})


def test_names_shapes_and_roles_that_changed_are_refused(runs, tmp_path):
    run = runs["liquid", "tuned", "series"]

    def rename(tensors):
        tensors["cell.time"] = tensors.pop("cell.tau")

    def turn(tensors):
        tensors["readout.weight"] = (tensors["readout.weight"][0].T.contiguous(), True)

    def fix(tensors):
        tensors["cell.tau"] = (tensors["cell.tau"][0], False)

    def add(tensors):
        tensors["cell.more"] = (torch.zeros(2), True)

    assert "expected `cell.tau` as a parameter, found nothing" in changed_refusal(run, tmp_path, rename)
    assert "must be Float [1, 256], found Float [256, 1]" in changed_refusal(run, tmp_path, turn)
    assert "expected `cell.tau` as a parameter, found a buffer" in changed_refusal(run, tmp_path, fix)
    assert "cell.more" in changed_refusal(run, tmp_path, add)


@pytest.mark.parametrize("key", OLD_AND_NEW, ids="-".join)
def test_a_damaged_checkpoint_or_module_is_refused(runs, tmp_path, key):
    run = runs[key]
    whole = (run.folder / "best.safetensors").read_bytes()
    broken = tmp_path / "broken.safetensors"
    for content in (whole[:-10], whole[: len(whole) // 2], b"", b"not a checkpoint"):
        broken.write_bytes(content)
        assert "not a usable checkpoint" in lnn_cli("export", broken, "--out", tmp_path / "x.pt", code=2)[1]
    module = run.module_file.read_bytes()
    broken = tmp_path / "broken.pt"
    for content in (module[:-10], module[: len(module) // 2]):
        broken.write_bytes(content)
        assert "expected a TorchScript module" in lnn_cli("inspect", broken, code=2)[1]
        assert "expected a TorchScript module" in lnn_cli("import", broken, "--out", tmp_path / "x", code=2)[1]
    assert not (tmp_path / "x.pt").exists() and not (tmp_path / "x").exists()


@pytest.mark.parametrize("key", [("lnn", "article"), ("snlnn", "article")], ids="-".join)
def test_a_checkpoint_of_a_newer_format_is_refused(runs, tmp_path, key):
    with safe_open(runs[key].folder / "best.safetensors", "pt") as checkpoint:
        tensors = {name: checkpoint.get_tensor(name) for name in checkpoint.keys()}
        description = json.loads(checkpoint.metadata()["lnn"])
    description["format_version"] = 99
    newer = tmp_path / "newer.safetensors"
    save_file(tensors, newer, {"lnn": json.dumps(description)})
    text = lnn_cli("export", newer, "--out", tmp_path / "x.pt", code=2)[1]
    assert "format 99" in text and "newer lnn-cli" in text


@pytest.mark.parametrize("key", [("lnn", "article"), ("snlnn", "article")], ids="-".join)
def test_a_place_that_cannot_be_written_fails_before_any_work(runs, tmp_path, key):
    (tmp_path / "file").write_text("")
    run = runs[key]
    for out in (tmp_path / "missing/x.pt", tmp_path / "file/x.pt", tmp_path):
        assert "cannot write" in lnn_cli("export", run.folder, "--out", out, "--format", "torchscript", code=2)[1]
        assert "cannot write" in lnn_cli("import", run.module_file, "--out", out, code=2)[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_inspect_shows_what_an_exported_module_holds(runs):
    run = runs["cllnn", "tuned"]
    text, _ = lnn_cli("inspect", run.module_file)
    assert "images float32 [N, 1, 28, 28] in 0..1" in text
    report = json.loads(lnn_cli("inspect", run.module_file, "--json")[0])
    assert report["description"] == json.loads(run.module().lnn_json)
    trainable = {tensor["name"] for tensor in report["tensors"] if tensor["trainable"]}
    assert trainable == {name for name, _ in run.module().named_parameters()}


def test_inspect_names_the_features_and_values_of_a_module_for_sequences(runs):
    lines = lnn_cli("inspect", runs["liquid", "tuned", "series"].module_file)[0].splitlines()
    assert "input       sequences float32 [N, T, 3]" in lines
    assert "features    a, b, c" in lines
    assert "output      values float32 [N, 1]" in lines
    assert "values      b" in lines


@pytest.mark.parametrize("key", OLD_AND_NEW, ids="-".join)
def test_weights_alone_are_read_with_safetensors(runs, tmp_path, key):
    run = runs[key]
    lnn_cli("export", run.folder, "--out", tmp_path / "model.safetensors")
    lnn_cli("export", run.folder, "--out", tmp_path / "model.bin", "--format", "safetensors")
    assert "expected the ending" in lnn_cli("export", run.folder, "--out", tmp_path / "model.xyz", code=2)[1]
    state = run.module().state_dict()
    for file in ("model.safetensors", "model.bin"):
        with safe_open(tmp_path / file, "pt") as weights:
            assert set(weights.keys()) == state.keys()
            assert all(torch.equal(weights.get_tensor(name), tensor) for name, tensor in state.items())
            assert json.loads(weights.metadata()["lnn.json"]) == json.loads(run.module().lnn_json)
