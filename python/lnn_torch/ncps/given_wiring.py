"""A wiring of ncps that is given by its matrices. Only what needs ncps imports this file."""

import ncps.wirings
from torch import Tensor


class GivenWiring(ncps.wirings.Wiring):
    """Units in layers of the given sizes, that of the layer which the inputs enter first; the units of the last layer have the first
    numbers. The matrices hold polarities, [source, target]."""

    def __init__(self, outputs: int, sizes: list[int], sensory: Tensor, recurrent: Tensor):
        super().__init__(sum(sizes))
        self.sizes = list(sizes)
        self.set_output_dim(outputs)
        self.set_input_dim(len(sensory))
        self.sensory_adjacency_matrix[:] = sensory.int().numpy()
        self.adjacency_matrix[:] = recurrent.int().numpy()

    @property
    def num_layers(self) -> int:
        return len(self.sizes)

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        start = sum(self.sizes[layer_id + 1 :])
        return list(range(start, start + self.sizes[layer_id]))
