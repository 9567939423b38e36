#!/usr/bin/env python3
"""Writes a small set of images as IDX files, the format of MNIST, for checks that run without a network connection.

An image shows one bright square in noise. Its class is the cell of a 4 x 4 grid that contains the square.
"""

import argparse
import gzip
import struct
from pathlib import Path

import numpy as np

GRID = 4
UNSIGNED_BYTE = 0x08


def draw(shape: tuple[int, ...], classes: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images of `shape`, [N, H, W] or [N, C, H, W], and labels [N], both uint8, with classes as balanced as N allows."""
    count, size = shape[0], shape[-1]
    cell = size // GRID
    labels = random.permutation(np.arange(count) % classes).astype(np.uint8)
    images = random.integers(0, 64, shape, dtype=np.uint8)
    brightness = random.integers(128, 256, count, dtype=np.uint8)
    for image, label, bright in zip(images, labels, brightness):
        row, column = divmod(int(label), GRID)
        image[..., row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = bright
    return images, labels


def write_idx(path: Path, array: np.ndarray, gz: bool) -> None:
    """Writes an IDX file: two zero bytes, the element type, the rank, each extent as a big-endian u32, then the elements."""
    data = struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTE, array.ndim, *array.shape) + array.tobytes()
    if gz:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(data, mtime=0))
    else:
        path.write_bytes(data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="output folder, created if it does not exist")
    parser.add_argument("--train", type=int, default=2000, help="training images (default: %(default)s)")
    parser.add_argument("--test", type=int, default=500, help="test images (default: %(default)s)")
    parser.add_argument("--classes", type=int, default=10, choices=range(2, GRID * GRID + 1), metavar="N",
                        help=f"2 to {GRID * GRID} (default: %(default)s)")
    parser.add_argument("--size", type=int, default=28, help="height and width (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same bytes (default: %(default)s)")
    parser.add_argument("--colour", action="store_true", help="three channels of noise, with the square in all of them")
    parser.add_argument("--gz", action="store_true", help="compress the files")
    options = parser.parse_args()
    if options.size < GRID:
        parser.error(f"--size must be at least {GRID}, found {options.size}")

    random = np.random.default_rng(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", options.train), ("t10k", options.test)):
        shape = (count, 3, options.size, options.size) if options.colour else (count, options.size, options.size)
        images, labels = draw(shape, options.classes, random)
        write_idx(options.folder / f"{name}-images-idx3-ubyte", images, options.gz)
        write_idx(options.folder / f"{name}-labels-idx1-ubyte", labels, options.gz)


if __name__ == "__main__":
    main()
