"""The cases: every model and preset, and the ways of training that have code of their own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A run of `lnn-cli train`. One with `pause` is paused after that many epochs and then resumed."""

    name: str
    # The set: `grey` or `colour` images, `toy`, or the `series` with irregular time.
    data: str
    # Further arguments of `train`.
    words: tuple[str, ...]
    # What is done with the trained model: `predict` a batch, predict a `single` sample, `eval` with noise, `export`.
    reads: tuple[str, ...] = ()
    pause: int | None = None


def steps(count: int) -> tuple[str, ...]:
    """20 epochs of one step over all samples, so that each line of metrics.jsonl has the loss of one step."""
    return "--epochs", "20", "--limit", str(count), "--batch-size", str(count)


def epochs(count: int, batch: int) -> tuple[str, ...]:
    """Three epochs of several steps, of which the last has a smaller batch."""
    return "--epochs", "3", "--limit", str(count), "--batch-size", str(batch)


def model(name: str, preset: str) -> tuple[str, ...]:
    return "--model", name, "--preset", preset


# Starting the program takes longer than most of these runs, so only one preset of a model is checked in every way.
READS = {"article": ("predict", "export"), "tuned": ("predict", "single", "eval", "export"), "conv": ("predict", "single", "export")}

# The articles' early stopping would end the runs before 20 steps.
PATIENT = ("--set", "patience=null")


def of_preset(name: str, preset: str, data: str, images: int) -> list[Case]:
    words = (*model(name, preset), *PATIENT)
    return [
        Case(f"{name}-{preset}", data, (*words, *steps(images)), READS[preset]),
        Case(f"{name}-{preset}-batches", data, (*words, *epochs(2 * images, images // 3))),
    ]


def of_sequences(preset: str, data: str) -> list[Case]:
    words = (*model("liquid", preset), *PATIENT)
    # `toy` always has four sequences; of a series at most 200 windows are used.
    return [
        Case(f"liquid-{preset}-{data}", data, (*words, *steps(200)), READS[preset]),
        Case(f"liquid-{preset}-{data}-batches", data, (*words, *epochs(200, 3 if data == "toy" else 64))),
    ]


PRESETS = [(name, preset, "grey", 72) for name in ("lnn", "snlnn", "cllnn", "liquid") for preset in ("article", "tuned")]
PRESETS += [("cifar", "article", "colour", 72), ("cifar", "tuned", "colour", 72), ("cifar", "conv", "colour", 24)]

CASES = [case for preset in PRESETS for case in of_preset(*preset)]
CASES += [case for preset in ("article", "tuned") for data in ("toy", "series") for case in of_sequences(preset, data)]
CASES += [
    Case("lnn-ridge", "grey", (*model("lnn", "tuned"), "--readout", "ridge")),
    Case("lnn-article-ridge", "grey", (*model("lnn", "article"), "--readout", "ridge")),
    Case("lnn-no-cache", "grey", (*model("lnn", "tuned"), *epochs(120, 32), "--set", "feature_cache_mb=0")),
    Case("cllnn-bf16", "grey", (*model("cllnn", "tuned"), "--precision", "bf16", *epochs(120, 32))),
    Case("snlnn-plateau", "grey", (*model("snlnn", "tuned"), *epochs(120, 32), "--set", "model.growth.rule.kind=plateau",
                                   "--set", "model.growth.rule.patience=1", "--set", "model.growth.rule.threshold=10")),
    Case("liquid-gradients", "grey", (*model("liquid", "tuned"), *epochs(120, 32), "--diagnose", "gradients")),
    Case("lnn-resumed", "grey", (*model("lnn", "tuned"), *epochs(120, 32)), pause=1),
    Case("snlnn-resumed", "grey", (*model("snlnn", "tuned"), *epochs(120, 32)), pause=1),
    Case("cllnn-resumed", "grey", (*model("cllnn", "tuned"), *epochs(120, 32)), pause=1),
    Case("liquid-resumed", "series", (*model("liquid", "tuned"), *epochs(200, 64)), pause=1),
    Case("cifar-resumed", "colour", (*model("cifar", "conv"), *epochs(40, 12)), pause=1),
]
