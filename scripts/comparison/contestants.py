"""The programs that take turns: lnn-cli, which is started for each turn, and the peers, which keep running between their turns."""

import itertools
import json
import os
import queue
import signal
import statistics
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from comparison.environment import clean
from comparison.rows import Peer, Row

PEERS = Path(__file__).resolve().parent.parent / "peers"

# The value that scripts/lnn-cli sets.
SPIN = {"GOMP_SPINCOUNT": "20000"}

# The time of an epoch is the difference between the ends of two consecutive epochs.
EPOCHS = 3


class Lost(Exception):
    """A contestant cannot take its turn; the message states why."""


@dataclass(frozen=True)
class Setting:
    """The settings that all contestants share."""

    binary: str
    python: str
    data: Path
    threads: int
    seconds: float
    patience: float
    device: str

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """Sets the number of threads for every library. How threads wait is left to the library."""
        threads = {f"{library}_NUM_THREADS": str(self.threads) for library in ("OMP", "MKL", "OPENBLAS")}
        return {**clean(), **threads, **more}


class Ours:
    """lnn-cli. The figures of a turn do not include its start."""

    label = "ours"

    def __init__(self, row: Row, setting: Setting):
        self.row, self.setting = row, setting

    def start(self) -> None:
        if "--precision" in self.row.ours and "--precision" not in self.call(["bench", "--help"]):
            raise Lost("this program's bench has no --precision yet")

    def turn(self) -> dict:
        if self.row.ours[0] == "train":
            return self.epoch()
        words = [*self.row.ours, "--json", "--seconds", str(self.setting.seconds)]
        words += ["--threads", str(self.setting.threads), "--device", self.setting.device]
        return json.loads(self.call(words))["data"]

    def epoch(self) -> dict:
        with tempfile.TemporaryDirectory() as folder:
            words = [*self.row.ours, "--data", f"idx:{self.setting.data}", "--epochs", str(EPOCHS), "--json"]
            lines = self.call([*words, "--threads", str(self.setting.threads), "--out", f"{folder}/run"]).splitlines()
        events = [json.loads(line) for line in lines]
        ends = [event["data"]["seconds"] for event in events if event["type"] == "epoch"]
        seconds = [after - before for before, after in itertools.pairwise(ends)]
        return {"median_s": statistics.median(seconds), "min_s": min(seconds), "repetitions": len(seconds)}

    def call(self, words: list[str]) -> str:
        command = [self.setting.binary, *words]
        # A turn may need time for its start and for three slow repetitions.
        limit = 10 * self.setting.patience + 5 * self.setting.seconds
        try:
            environment = self.setting.environment(SPIN)
            result = subprocess.run(command, capture_output=True, text=True, timeout=limit, env=environment, check=False)
        except subprocess.TimeoutExpired:
            raise Lost(f"took more than {limit:.0f} s") from None
        if result.returncode != 0:
            raise Lost(last_line(result.stderr))
        return result.stdout

    def stop(self) -> None:
        pass


class PeerProcess:
    """The process of a peer, which takes a turn for each line that it receives."""

    def __init__(self, peer: Peer, row: Row, setting: Setting):
        self.peer, self.row, self.setting, self.label = peer, row, setting, peer.label
        self.form: str | None = None
        self.versions: dict[str, str] = {}
        self.errors = tempfile.TemporaryFile("w+")
        self.process: subprocess.Popen | None = None
        self.lines: queue.Queue[str | None] = queue.Queue()

    def start(self) -> None:
        words = [*self.peer.arguments, "--threads", str(self.setting.threads), "--seconds", str(self.setting.seconds)]
        if self.row.ours[0] == "train":
            words += ["--data", str(self.setting.data)]
        else:
            words += ["--shape", self.row.shape]
        if self.peer.knows_devices:
            words += ["--device", self.setting.device]
        self.process = subprocess.Popen(
            [self.setting.python, str(PEERS / self.peer.program), *words, "--by-turns"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=self.setting.environment({}),
            start_new_session=True,  # so that compilers that it starts are stopped with it
        )
        threading.Thread(target=self.listen, daemon=True).start()
        ready = self.answer("to start", self.setting.patience)
        self.form, self.versions = ready["form"], ready["versions"]

    def listen(self) -> None:
        for line in self.process.stdout:
            if line.startswith("{"):  # libraries may print other lines
                self.lines.put(line)
        self.lines.put(None)

    def turn(self) -> dict:
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Lost(self.last_words()) from None
        return self.answer("for a turn", self.setting.patience + 5 * self.setting.seconds)

    def answer(self, purpose: str, limit: float) -> dict:
        try:
            line = self.lines.get(timeout=limit)
        except queue.Empty:
            raise Lost(f"took more than {limit:.0f} s {purpose}") from None
        if line is None:
            raise Lost(self.last_words())
        return json.loads(line)

    def last_words(self) -> str:
        self.process.wait()
        self.errors.seek(0)
        return last_line(self.errors.read())

    def stop(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # the peer has a session of its own
            except ProcessLookupError:
                pass
            self.process.wait()
        self.errors.close()


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[-1] if lines else "ended without a message")[:160]
