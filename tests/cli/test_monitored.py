"""A desk goes live whether or not the Prefect server that is named answers, and says which."""

import pytest

from pipeline.cli import monitored
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.overlay_settings import OverlaySettings

DEAD = "http://127.0.0.1:9/api"


def test_a_server_that_does_not_answer_is_said_and_told_later(capsys):
    (delivery,) = monitored._events("made", DEAD)
    assert capsys.readouterr().err.startswith(f"Prefect at {DEAD} does not answer ")
    assert delivery._name == "Prefect"


@pytest.mark.parametrize(
    ("rules", "limited"), [({}, False), ({"position": 2}, True), ({"restricted": ("A",)}, True)]
)
def test_a_desk_without_limits_is_told_so(capsys, rules, limited):
    desk = load_any("bac-intraday").model_copy(update={"overlay": OverlaySettings(**rules)})
    assert monitored._limits(desk, "bac-intraday") == []
    assert capsys.readouterr().err.startswith("no limits: ") is not limited


def test_no_server_is_no_fault(capsys):
    assert monitored._events("made", None) == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("named", "said"), [("foo", "'foo' is no URL"), ("http://u:p@127.0.0.1:1/api", "password")]
)
def test_what_is_no_public_url_is_refused(monkeypatch, named, said):
    monkeypatch.setenv("PREFECT_API_URL", named)
    with pytest.raises(SettingsError, match=said) as refused:
        monitored.named_server()
    assert "u:p" not in str(refused.value)


@pytest.mark.parametrize(("named", "server"), [("", None), (DEAD, DEAD)])
def test_the_server_is_the_one_that_the_user_names(monkeypatch, named, server):
    monkeypatch.setenv("PREFECT_API_URL", named)
    assert monitored.named_server() == server
