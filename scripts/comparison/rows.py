"""The rows of the comparison: workloads, peers and targets."""

from dataclasses import dataclass, replace

@dataclass(frozen=True)
class Peer:
    """Another library that runs the same workload, or a lower bound of the time that it can take."""

    label: str
    program: str
    arguments: tuple[str, ...] = ()
    # The target: the minimum of the peer's time divided by ours. None if the peer is given for information.
    at_least: float | None = None
    # The target beside a lower bound: the maximum of our time divided by the peer's.
    at_most: float | None = None

    @property
    def knows_devices(self) -> bool:
        return self.program.startswith("torch_")


@dataclass(frozen=True)
class Row:
    """One workload, with our command and the peers."""

    name: str
    title: str
    shape: str
    # The arguments of lnn-cli: `bench`, or `train`, of which one epoch is timed.
    ours: tuple[str, ...]
    peers: tuple[Peer, ...]


def rows(device: str = "cpu") -> list[Row]:
    """All rows. On other devices than the CPU these are the rows with a peer in PyTorch, without targets."""
    if device == "cpu":
        return rows_on_cpu()
    kept = [(row, tuple(replace(peer, at_least=None) for peer in row.peers if peer.knows_devices)) for row in rows_on_cpu()]
    direct = [replace(row, peers=peers) for row, peers in kept if peers]
    return [*direct, *(recorded(row) for row in direct if "train" in row.ours)]


def recorded(row: Row) -> Row:
    """The same row with our step replayed from a CUDA graph."""
    name, title = f"{row.name}-graph", f"{row.title}, ours replayed from a CUDA graph"
    return replace(row, name=name, title=title, ours=(*row.ours, "--cuda-graph"))


def rows_on_cpu() -> list[Row]:
    liquid = [
        row_of_liquid(shape, target)
        for shape, target in (("64,28,28,128", 3), ("32,128,16,64", 5), ("64,784,1,128", 6), ("64,128,64,512", 1.5))
    ]
    return [*liquid, *rows_of_ncps(), row_of_spiking(), *rows_of_cllnn(), *rows_of_epochs(), row_of_reservoir(), row_of_stream()]


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
        Peer("ncps CfC, a different cell", "ncps_cells.py", ("--cell", "CfC")),
    ]
    if shape == "64,28,28,128":  # longer sequences take minutes
        peers.append(Peer("ncps LTC, a different cell", "ncps_cells.py", ("--cell", "LTC")))
    ours = ("bench", "liquid", "--pass", "train", "--shape", shape)
    return Row(f"liquid-{shape}", "liquid, training step", shape, ours, tuple(peers))


def rows_of_ncps() -> list[Row]:
    """Layers that ncps has, too. The targets are those for processors with AVX-512."""
    found = []
    for name, cell, train, step in (("ltc", "LTC", 15, 30), ("ltc-ncp", "LTC-NCP", 40, None), ("cfc", "CfC", 5, 20)):
        shape, single = "32,100,8,64", "1,1,8,64"
        ours = ("bench", name, "--pass", "train", "--shape", shape)
        peer = Peer("ncps", "ncps_cells.py", ("--cell", cell), train)
        found.append(Row(name, f"{name}, training step", shape, ours, (peer,)))
        ours = ("bench", f"{name}-stream", "--shape", single)
        peer = Peer("ncps, no_grad", "ncps_cells.py", ("--cell", cell, "--stream"), step)
        found.append(Row(f"{name}-stream", f"{name}, one step of a stream", single, ours, (peer,)))
    return found


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
    """Epochs of about 6,400 images, each with a validation on 711 more."""
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
        Peer("reservoirpy, default: sparse", "reservoir_states.py", at_least=3),
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
