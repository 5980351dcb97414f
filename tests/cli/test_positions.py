import json
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("served")]


@pytest.fixture
def with_positions(variant):
    """Return a function that writes a desk with a file of positions, and what the desk says more of them."""

    def write(*lines, more=""):
        desk = variant("[evaluation]", f'[book.positions]\nfile = "held.csv"\n{more}\n[evaluation]')
        text = "\n".join(["kind,strike,expiry,quantity,opened,price", *lines, ""])
        desk.with_name("held.csv").write_text(text)
        return desk

    return write


def test_a_file_of_positions_is_the_book_of_the_report(finished, hedge_here, home, with_positions):
    desk = with_positions(
        "call,2400,2017-06-16,-100,2017-06-01,31.5",
        "put,2350,2017-06-16,-50,2017-06-05,",
        "call,0,2017-06-16,-50,2017-06-05,",
        more="quarantine_limit = 0.4",
    )
    done = hedge_here("run", desk, "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    assert "held.csv: 3 options read, 1 in quarantine (1 strike not above zero)" in done.stderr
    assert "warning: held.csv: row 4 'call,0,2017-06-16,-50,2017-06-05,' fails a check" in done.stderr
    assert "book: 2 options in" in done.stderr
    summary = json.loads(done.stdout)
    assert summary["dataset_keys"]["signals"] in finished.stderr
    assert summary["book"]["delta_implied"]["trades"] > 8
    assert [(row["row"], row["reason"]) for row in summary["held_back"]] == [(4, "strike not above zero")]
    page = (home / "data" / "reports" / summary["run"] / "report.html").read_text()
    for shown in ("The positions of held.csv", "The options held", "Rows held back", "strike not above zero"):
        assert shown in page
    table = page[page.index('id="positions"') : page.index('id="held-back"')]
    assert all(cell in table for cell in ("−100", "2017-06-16", "31.5", "at its mark"))
    refused = hedge_here("decide", desk, "--home", home, "--allow-stale")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.match(r"hedge: .*held\.csv: row 4 .* an order that leaves", refused.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("call,2400,2019-06-21,-1,2017-06-01,", r"held\.csv: expiry in row 2 is 2019-06-21, after the last"),
        (
            "call,2400,2017-06-16,-1,2016-06-01,",
            r"held\.csv: opened in row 2 is 2016-06-01, before the first",
        ),
        (
            "call,240,2017-06-16,-1,2017-06-01,",
            r"held\.csv: strike in row 2 is 240, where the close was 2430",
        ),
        ("call,2400,2017-09-15,-1,2017-06-01,", r"the forecasts reach 21: add 74 to forecasts\.horizons"),
        ("call,2400,2017-06-17,-1,2017-06-01,", r"held\.csv: 1 of 1 rows fail .*no session of XNYS"),
    ],
)
def test_a_position_that_cannot_be_hedged_is_one_line(hedge_here, home, with_positions, line, message):
    reports = sorted((home / "data" / "reports").iterdir())
    done = hedge_here("run", with_positions(line), "--home", home)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert re.match(
        rf"hedge: positions failed for desk .*variant\.toml: .*{message}", done.stderr.splitlines()[-1]
    )
    assert "signals-" not in done.stderr
    assert sorted((home / "data" / "reports").iterdir()) == reports
