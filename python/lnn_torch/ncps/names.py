"""What the tensors and settings of ncps are called here."""

# Of an LTC: those of ncps and ours.
LTC_PARAMETERS = {
    "input_w": "input_scale",
    "input_b": "input_bias",
    "gleak": "g_leak",
    "vleak": "v_leak",
    "cm": "capacitance",
    "w": "w",
    "sigma": "sigma",
    "mu": "mu",
    "erev": "reversal",
    "sensory_w": "sensory_w",
    "sensory_sigma": "sensory_sigma",
    "sensory_mu": "sensory_mu",
    "sensory_erev": "sensory_reversal",
    "output_w": "output_scale",
    "output_b": "output_bias",
}
# Those that are positive: here always by a softplus, in ncps if its constraints are implicit.
POSITIVE = ("gleak", "cm", "w", "sensory_w")
# Which synapses a positive number belongs to; the others belong to units.
MASKS = {"w": "sparsity_mask", "sensory_w": "sensory_sparsity_mask"}

MODES = {"default": "default", "no_gate": "no-gate", "pure": "pure"}
# The classes of activations, as ncps puts them into a backbone, and the names that it takes.
ACTIVATIONS = {"LeCun": "lecun-tanh", "Tanh": "tanh", "ReLU": "relu", "SiLU": "silu", "GELU": "gelu"}
HEADS = {"pure": ["ff1"], "default": ["ff1", "ff2", "time_a", "time_b"], "no-gate": ["ff1", "ff2", "time_a", "time_b"]}
