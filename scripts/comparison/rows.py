"""What is compared with what, and how much faster it ought to be."""

from dataclasses import dataclass, replace

@dataclass(frozen=True)
class Peer:
    """Another library that does the same, or a floor below which nothing goes."""

    label: str
    program: str
    arguments: tuple[str, ...] = ()
    # So many times as fast as the peer ours ought to be; none where the peer is there for information.
    at_least: float | None = None
    # So many times the peer's time ours may take: a floor.
    at_most: float | None = None

    @property
    def knows_devices(self) -> bool:
        return self.program.startswith("torch_")


@dataclass(frozen=True)
class Row:
    """One work, ours and the peers'."""

    name: str
    title: str
    shape: str
    # The words of lnn-cli: `bench`, or `train`, of which an epoch is timed.
    ours: tuple[str, ...]
    peers: tuple[Peer, ...]


def rows(device: str = "cpu") -> list[Row]:
    """All rows; on another device than the CPU those that PyTorch has, and nothing is aimed at there."""
    if device == "cpu":
        return rows_on_cpu()
    kept = [(row, tuple(replace(peer, at_least=None) for peer in row.peers if peer.knows_devices)) for row in rows_on_cpu()]
    direct = [replace(row, peers=peers) for row, peers in kept if peers]
    return [*direct, *(recorded(row) for row in direct if "train" in row.ours)]


def recorded(row: Row) -> Row:
    """The same, our step replayed from a CUDA graph."""
    name, title = f"{row.name}-graph", f"{row.title}, ours from a CUDA graph"
    return replace(row, name=name, title=title, ours=(*row.ours, "--cuda-graph"))


def rows_on_cpu() -> list[Row]:
    liquid = [
        row_of_liquid(shape, target)
        for shape, target in (("64,28,28,128", 3), ("32,128,16,64", 5), ("64,784,1,128", 6), ("64,128,64,512", 1.5))
    ]
    return [*liquid, row_of_spiking(), *rows_of_cllnn(), *rows_of_epochs(), row_of_reservoir(), row_of_stream()]


def row_of_liquid(shape: str, target: float) -> Row:
    def torch(label: str, *arguments: str, at_least: float | None = target) -> Peer:
        return Peer(label, "torch_liquid.py", arguments, at_least)

    peers = [
        torch("PyTorch, eager"),
        torch("PyTorch, eager, denormals flushed", "--flush-denormals", at_least=None),
        torch("TorchScript", "--form", "torchscript"),
        torch("torch.compile of the step", "--form", "compile-step"),
        torch("torch.compile of the whole", "--form", "compile"),
        Peer("its matrix products alone", "gemm_floor.py", at_most=1.8),
        Peer("ncps CfC, another mathematics", "ncps_cells.py", ("--cell", "CfC")),
    ]
    if shape == "64,28,28,128":  # on longer ones it takes minutes
        peers.append(Peer("ncps LTC, another mathematics", "ncps_cells.py", ("--cell", "LTC")))
    ours = ("bench", "liquid", "--pass", "train", "--shape", shape)
    return Row(f"liquid-{shape}", "liquid, training step", shape, ours, tuple(peers))


def row_of_spiking() -> Row:
    shape = "64,25,784,256"
    peers = (
        Peer("PyTorch, eager", "torch_spiking.py", at_least=3),
        Peer("PyTorch, eager, denormals flushed", "torch_spiking.py", ("--flush-denormals",)),
    )
    ours = ("bench", "spiking", "--pass", "train", "--shape", shape)
    return Row("spiking", "spiking reservoir, training step", shape, ours, peers)


def rows_of_cllnn() -> list[Row]:
    shape = "64,1,28,28"
    eager = "PyTorch, eager, f32"
    ours = ("bench", "cllnn", "--pass", "train", "--shape", shape)
    single = (
        Peer(eager, "torch_cllnn.py", at_least=1.5),
        Peer(f"{eager}, denormals flushed", "torch_cllnn.py", ("--flush-denormals",)),
    )
    half = (
        Peer(eager, "torch_cllnn.py", at_least=3.5),
        Peer("PyTorch, autocast to bf16", "torch_cllnn.py", ("--precision", "bf16")),
    )
    return [
        Row("cllnn", "CLLNN of the article, training step", shape, ours, single),
        Row("cllnn-bf16", "CLLNN of the article in bf16, training step", shape, (*ours, "--precision", "bf16"), half),
    ]


def rows_of_epochs() -> list[Row]:
    """Epochs of about 6,400 images, with a validation on 711 more."""
    return [
        Row(
            f"{model}-epoch",
            f"{model.upper()} of the article, epoch",
            "6399 images",
            ("train", "--model", model, "--preset", "article"),
            (Peer("Keras", "keras_articles.py", (model,), target),),
        )
        for model, target in (("cllnn", 3), ("lnn", 15))
    ]


def row_of_reservoir() -> Row:
    shape = "1,8000,1,1000"
    peers = (
        Peer("reservoirpy, as it comes: sparse", "reservoir_states.py", at_least=3),
        Peer("reservoirpy, dense as ours", "reservoir_states.py", ("--connectivity", "1")),
    )
    return Row("reservoir", "states of a reservoir", shape, ("bench", "leaky", "--shape", shape), peers)


def row_of_stream() -> Row:
    shape = "1,1,16,64"
    peers = (
        Peer("PyTorch, eager, no_grad", "torch_stream.py", at_least=10),
        Peer("PyTorch, eager, inference_mode", "torch_stream.py", ("--mode", "inference_mode")),
    )
    return Row("stream", "liquid, one step of a stream", shape, ("bench", "stream", "--shape", shape), peers)
