"""What a run that compares trained hedgers refuses at once, and where it looks for them."""

import re

import pytest

from flows import hedge_pipeline as module
from flows.hedge_pipeline import hedge_pipeline
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import DataError, SettingsError, StageError
from pipeline.domain.home import Home
from pipeline.policies.checkpoint import Checkpoint, network_arrays
from pipeline.policies.saved_network import keep_network, terms_digest
from tests.policies.test_saved_network import NETWORK
from tests.processes import hedge_in_this_process


@pytest.mark.parametrize(("extra", "why"), [("deep", "nothing was trained"), ("deeep", "did you mean deep")])
def test_an_extra_is_refused_before_anything_is_learned(monkeypatch, tmp_path, extra, why):
    monkeypatch.setenv("HEDGE_HOME", str(tmp_path))
    with pytest.raises(SettingsError, match=f"--with {extra}: .*{why}"):
        hedge_pipeline.fn.__wrapped__("spx-daily", str(tmp_path), learned=[extra])
    assert not list(tmp_path.iterdir())


def test_the_command_says_so_itself_and_names_the_desk_as_it_was_given(small_desk, tmp_path):
    said = hedge_in_this_process("run", small_desk, "--home", tmp_path, "--with", "deep")
    assert (said.returncode, said.stdout) == (1, "")
    assert re.fullmatch(
        f"hedge: --with deep: nothing was trained for the desk small as it is: "
        f"hedge train {small_desk} --policy network_band\n",
        said.stderr,
    )


@pytest.mark.slow
def test_networks_are_looked_up_in_the_home_that_the_flow_is_given(
    prefect, monkeypatch, small_desk, tmp_path
):
    def far_enough(*_):
        raise DataError("far enough")

    monkeypatch.setattr(module, "ingest", far_enough)
    Checkpoint(terms_digest(load_any(str(small_desk))), {}, network_arrays(NETWORK)).write(
        tmp_path / "new.npz"
    )
    keep_network(Home(tmp_path), "small", "network_band", (tmp_path / "new.npz").read_bytes())
    with pytest.raises(StageError, match="far enough"):
        hedge_pipeline(str(small_desk), str(tmp_path), learned=["deep"])
    with pytest.raises(StageError, match=f"nothing was trained .*: hedge train {small_desk}"):
        hedge_pipeline(str(small_desk), learned=["deep"])
