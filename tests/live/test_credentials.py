"""Who a desk is at a broker: from the environment or a private file, and repeated by nothing."""

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.live.credentials import told_credentials

NAMES = ("username", "password")


def file(tmp_path, text, mode=0o600):
    place = tmp_path / "broker.toml"
    place.write_text(text)
    place.chmod(mode)
    return {"HEDGE_FIX_FILE": str(place)}


def test_the_environment_goes_before_the_file_and_keeps_no_secret(tmp_path):
    environment = file(tmp_path, 'username = "ada"\npassword = "of the file"\n')
    environment["HEDGE_FIX_PASSWORD"] = "of the environment"
    told = told_credentials("fix", NAMES, environment)
    assert (told["username"], told["password"], told["account"]) == ("ada", "of the environment", "")
    assert list(environment) == ["HEDGE_FIX_FILE"]
    assert "environment" not in f"{told} {told!r}"


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ('password = "correct horse"', 0o644, "chmod 600"),
        ("password = correct horse", 0o600, "not TOML"),
        ('passwort = "correct horse"', 0o600, "1 entries are not asked for: give username, password"),
        ("password = 12345678", 0o600, "1 entries are not asked for"),
    ],
)
def test_a_file_that_will_not_do_is_refused_and_not_repeated(tmp_path, text, mode, said):
    with pytest.raises(SettingsError, match=said) as refused:
        told_credentials("fix", NAMES, file(tmp_path, text, mode))
    assert "horse" not in str(refused.value)
    assert "12345678" not in str(refused.value)
