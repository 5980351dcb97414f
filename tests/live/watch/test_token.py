"""The token comes from the environment or a private file, is compared in constant time and never shown."""

import os
import stat

import pytest

from pipeline.domain.errors import SettingsError
from pipeline.live.watch.token import Token, made_secret, told_secret

SECRET = "0123456789abcdef"


def test_the_environment_goes_before_the_file_that_it_names_before_the_usual_one(tmp_path):
    named, usual = tmp_path / "named", tmp_path / "live" / "token"
    assert told_secret({}, usual) is None
    made = made_secret(usual)
    assert stat.S_IMODE(usual.stat().st_mode) == 0o600
    assert (told_secret({}, usual), made_secret(usual)) == (made, made)
    named.write_text(f"{SECRET}\n")
    named.chmod(0o600)
    assert told_secret({"HEDGE_TOKEN_FILE": str(named)}, usual) == SECRET
    assert told_secret({"HEDGE_TOKEN_FILE": str(named), "HEDGE_TOKEN": 2 * SECRET}, usual) == 2 * SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o400, 0o700, 0o666])
def test_a_file_of_another_mode_is_refused(tmp_path, mode):
    place = tmp_path / "token"
    place.write_text(SECRET)
    place.chmod(mode)
    with pytest.raises(SettingsError, match="chmod 600") as refused:
        told_secret({}, place)
    assert SECRET not in str(refused.value)


def test_what_is_no_file_of_ones_own_is_refused(tmp_path):
    place, link = tmp_path / "token", tmp_path / "link"
    place.write_text(SECRET)
    place.chmod(0o600)
    link.symlink_to(place)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for named, said in (("link", "symbolic"), ("pipe", "file of your own"), ("none", "No such file")):
        with pytest.raises(SettingsError, match=said):
            told_secret({"HEDGE_TOKEN_FILE": str(tmp_path / named)}, place)


@pytest.mark.parametrize(
    "secret", ["", "short", "sixteen letters and spaces", "sixteen\nletters-and-more", 20 * "ä"]
)
def test_a_poor_token_is_refused_and_not_repeated(tmp_path, secret):
    with pytest.raises(SettingsError, match="at least 16") as refused:
        told_secret({"HEDGE_TOKEN": secret}, tmp_path / "none")
    assert not secret or secret not in str(refused.value)


def test_a_token_is_not_in_its_text():
    token = Token(SECRET)
    assert token.matches(SECRET)
    assert not token.matches(SECRET[:-1])
    assert not token.matches("")
    assert SECRET not in f"{token} {token!r} {vars(token)}"
