"""An epoch of the articles' LNN or CLLNN in Keras on images in IDX files, the peer of `lnn-cli train --preset article`.

A turn is one epoch of `fit` with validation; `--seconds` has no effect. The first epoch, in which Keras compiles, is not timed. Keras
uses tensorflow as its backend, or torch where tensorflow is not installed.
"""

import os
from importlib.util import find_spec
from pathlib import Path

os.environ["KERAS_BACKEND"] = "tensorflow" if find_spec("tensorflow") else "torch"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy
from keras import layers, ops

from measuring import parser, seconds_of, serve

CLASSES, BATCH = 10, 64


@keras.saving.register_keras_serializable("lnn")
class ReservoirCell(layers.Layer):
    """Leaky units with fixed weights, for `keras.layers.RNN`."""

    def __init__(self, inputs: int, units: int, spectral_radius: float, leak_rate: float):
        super().__init__()
        random = numpy.random.default_rng(0)
        recurrent = random.standard_normal((units, units))
        recurrent *= spectral_radius / abs(numpy.linalg.eigvals(recurrent)).max()
        self.recurrent = ops.convert_to_tensor(recurrent.T, "float32")
        self.input_weights = ops.convert_to_tensor(random.standard_normal((inputs, units)) * 0.1, "float32")
        self.leak_rate = leak_rate
        self.state_size = units

    def call(self, x, states):
        before = states[0]
        drive = ops.tanh(ops.matmul(x, self.input_weights) + ops.matmul(before, self.recurrent))
        state = (1 - self.leak_rate) * before + self.leak_rate * drive
        return state, [state]


def lnn(image: tuple[int, int, int]) -> keras.Model:
    x = inputs = layers.Input(image)
    x = layers.Reshape((1, -1))(x)
    x = layers.RNN(ReservoirCell(x.shape[-1], 1000, 1.5, 0.3))(x)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))


def cllnn(image: tuple[int, int, int]) -> keras.Model:
    x = inputs = layers.Input(image)
    for channels in (32, 64, 128):
        x = layers.Conv2D(channels, 3, activation="relu", padding="same")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Reshape((1, -1))(x)
    x = layers.RNN(ReservoirCell(x.shape[-1], 512, 0.9, 0.2), return_sequences=True)(x)
    x = layers.LSTM(128)(x)
    return keras.Model(inputs, layers.Dense(CLASSES, activation="softmax")(x))


MODELS = {"lnn": lnn, "cllnn": cllnn}


def images_of(folder: Path) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Images [N, H, W, 1], standardised per column as in the articles, and one-hot labels [N, classes]."""
    data = (folder / "train-images-idx3-ubyte").read_bytes()
    count, height, width = numpy.frombuffer(data, ">u4", 3, 4)
    pixels = numpy.frombuffer(data, numpy.uint8, offset=16).reshape(count, height, width).astype("float32")
    rows = pixels.reshape(-1, width)
    pixels = (pixels - rows.mean(0)) / (rows.std(0) + 1e-8)
    labels = numpy.frombuffer((folder / "train-labels-idx1-ubyte").read_bytes(), numpy.uint8, offset=8)
    return pixels[..., None].astype("float32"), keras.utils.to_categorical(labels, CLASSES)


def set_threads(threads: int) -> None:
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    else:
        import torch

        torch.set_num_threads(threads)


def main() -> None:
    options = parser(__doc__, "64,28,28,1")
    options.add_argument("model", choices=MODELS)
    options.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    options.add_argument("--held-out", type=int, default=711, help="images for validation (default: %(default)s)")
    arguments = options.parse_args()
    set_threads(arguments.threads)

    def prepare(*_shape: int):
        images, labels = images_of(arguments.data)
        kept = len(images) - arguments.held_out
        model = MODELS[arguments.model](images.shape[1:])
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])

        def epoch() -> None:
            model.fit(
                images[:kept],
                labels[:kept],
                epochs=1,
                batch_size=BATCH,
                validation_data=(images[kept:], labels[kept:]),
                verbose=0,
            )

        return f"Keras on {keras.backend.backend()}", epoch

    def timed(epoch, _seconds):
        seconds = seconds_of(epoch)
        return {"median_s": seconds, "min_s": seconds, "repetitions": 1}

    serve(arguments, prepare, ["keras", "tensorflow-cpu", "tensorflow", "torch", "numpy"], timed=timed)


if __name__ == "__main__":
    main()
