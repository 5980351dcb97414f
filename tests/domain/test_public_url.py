"""A secret in a URL is refused where the URL is named, and not repeated."""

import pytest

from pipeline.domain.alternative_settings import RecordFile
from pipeline.domain.book_settings import PositionsFile
from pipeline.domain.data_folder import located
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import MarketFiles
from pipeline.live.streamed_venue import streamed_venue

SECRET = "hunter2"
URLS = [
    f"postgresql://me:{SECRET}@host/desk",
    f"https://host/ticks?token={SECRET}",
    f"https://host/ticks?day=1&X-Amz-Security-Token={SECRET}",
    f"wss://host/stream?streams=btcusdt@depth&apiKey={SECRET}",
]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "named",
    [
        lambda url: PositionsFile(database=url, table="held"),
        lambda url: RecordFile(file=url),
        lambda url: MarketFiles(instrument="BTC", files=("a",), folder=url),
        located,
        streamed_venue,
    ],
    ids=["positions", "records", "folder", "option", "stream"],
)
def test_a_url_with_a_secret_is_refused(url, named):
    with pytest.raises((ValueError, SettingsError), match="the URL holds a"):
        named(url)


@pytest.mark.parametrize("url", URLS)
def test_the_refusal_of_an_option_does_not_repeat_it(url):
    with pytest.raises(SettingsError) as refused:
        located(url)
    assert SECRET not in str(refused.value)


def test_nor_does_that_of_a_desk_file(tmp_path, small_desk):
    place = tmp_path / "desk.toml"
    url = f"postgresql://me:{SECRET}@host/desk"
    place.write_text(f'{small_desk.read_text()}\n[book.positions]\ndatabase = "{url}"\ntable = "held"\n')
    with pytest.raises(SettingsError, match="the URL holds a password") as refused:
        load_any(str(place))
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["s3://desk@bucket/ticks", "https://host/ticks?day=1&tokens=3", "abfs://ticks@desk.blob/ticks"]
)
def test_others_are_taken_as_they_are(url):
    assert located(url) == url
