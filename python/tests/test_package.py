"""The package that `pip install ./python` installs."""

import re
import sys

from conftest import ROOT

sys.path.insert(0, str(ROOT / "python"))
import lnn_torch  # noqa: E402


def test_its_version_is_that_of_the_program():
    workspace = re.search(r'^\[workspace\.package\]\nversion = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert lnn_torch.__version__ == workspace[1]


def test_it_asks_for_the_torch_that_is_tested_and_no_older_one():
    tested = re.search(r"^torch==(\d+\.\d+)", (ROOT / "scripts/requirements.txt").read_text(), re.MULTILINE)
    assert f'"torch>={tested[1]}"' in (ROOT / "python/pyproject.toml").read_text()


def test_every_public_name_is_there():
    assert all(hasattr(lnn_torch, name) for name in lnn_torch.__all__)
