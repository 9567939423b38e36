"""The states of a reservoir of the library reservoirpy, the peer of `lnn-cli bench leaky`.

Its recurrent weights are sparse unless `--connectivity 1` is given. The precision is the library's default.
"""

import numpy
from reservoirpy.nodes import Reservoir

from measuring import parser, serve


def main() -> None:
    options = parser(__doc__, "1,8000,1,1000")
    options.add_argument("--connectivity", type=float, help="default: the library's")
    arguments = options.parse_args()
    if arguments.shape[0] != 1:
        options.error("expected a batch of 1")

    def prepare(_batch: int, steps: int, inputs: int, units: int):
        more = {} if arguments.connectivity is None else {"rc_connectivity": arguments.connectivity}
        reservoir = Reservoir(units, lr=0.3, sr=0.9, seed=0, **more)
        x = numpy.random.default_rng(0).standard_normal((steps, inputs))
        form = "default" if arguments.connectivity is None else f"connectivity {arguments.connectivity:g}"
        states = reservoir.run(x)
        return f"{form}, {states.dtype}", lambda: reservoir.run(x)

    serve(arguments, prepare, ["reservoirpy", "numpy", "scipy"])


if __name__ == "__main__":
    main()
