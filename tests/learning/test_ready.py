"""What is said, before anything is learned, of hedgers that cannot be trained here."""

import importlib.util
import sys

import pytest

from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError
from pipeline.learning.ready import check_ready


def desk(policy, **plan):
    return Desk(name="mine", policies={"run": [policy], "train": {policy: plan}})


@pytest.mark.parametrize(
    ("policy", "package", "remedy"),
    [("network_band", "pipeline.deep", r"regime-hedge\[deep\]"), ("sac_band", "pipeline.agents", r"\[rl\]")],
)
def test_an_extra_that_is_not_installed(monkeypatch, policy, package, remedy):
    check_ready(desk(policy))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, package)
    with pytest.raises(SettingsError, match=remedy):
        check_ready(desk(policy))


def test_a_gpu_where_none_has_work():
    with pytest.raises(SettingsError, match="network_band is trained on the processor"):
        check_ready(desk("network_band", device="cuda"))
    check_ready(desk("network_band", device="auto"))
