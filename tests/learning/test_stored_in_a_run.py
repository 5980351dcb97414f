"""Training within the day, before every tested day on the days before it, and who hedges which day."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from pipeline.backtest.desk_check import checked_any
from pipeline.backtest.intraday_comparison import run_intraday
from pipeline.domain.desk import LearnSettings
from pipeline.domain.desk_file import desk_as_json, desk_from_json
from pipeline.domain.errors import SettingsError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.learning.in_a_run import NETWORK
from pipeline.learning.stored_in_a_run import learn_from_stored, stored_windows
from pipeline.policies.saved_network import keep_network, saved_network, terms_digest, with_networks
from tests.stored_market import DESK, made_days, small_task

SHORT = DESK.model_copy(update={"option": DESK.option.model_copy(update={"steps": 6, "start_every": 2})})
"""Options so short that a day has enough of them to fit on: two of the days can be tested."""
FIRST, SECOND = date(2020, 3, 4), date(2020, 3, 5)


def days_tested_from(day):
    signals, fills = made_days()
    return signals.assign(tested=signals["day"] >= day), fills


def with_policies(desk=SHORT, **settings):
    return desk.model_copy(update={"policies": desk.policies.model_copy(update=settings)})


def training(**settings):
    return with_policies(
        run=("delta_implied", "network_band"), train={"network_band": LearnSettings(**settings)}
    )


def test_every_tested_day_is_learned_for_on_the_days_before_it():
    signals, fills = days_tested_from("2020-03-04")
    found = list(stored_windows(training(), "network_band", {"signals": signals, "fills": fills}))
    assert [window.first for window in found] == [FIRST, SECOND]
    before = [signals["time"][signals["day"] < f"{window.first}"].max() for window in found]
    assert [pd.Timestamp(window.stored.value.seen_until) for window in found] == before
    lives = [window.stored.value.learned.lives + window.stored.value.held_out.lives for window in found]
    assert lives[1] > 1.5 * lives[0]
    costs = {window.stored.value.learned.state.desk_cost for window in found}
    assert len(costs) == 1, "the desk's constant cost is that of its backtest"
    scrambled = signals.copy()
    later = scrambled["day"] == "2020-03-05"
    scrambled.loc[later, "mid"] = scrambled.loc[later, "mid"].to_numpy()[::-1] * 2.0
    again = list(stored_windows(training(), "network_band", {"signals": scrambled, "fills": fills}))
    assert [each.stored.digest for each in again] == [each.stored.digest for each in found]
    earlier = signals["day"] == "2020-03-04"
    scrambled.loc[earlier, "mid"] = scrambled.loc[earlier, "mid"].to_numpy()[::-1]
    moved = list(stored_windows(training(), "network_band", {"signals": scrambled, "fills": fills}))
    assert [a.stored.digest == b.stored.digest for a, b in zip(moved, found, strict=True)] == [True, False]
    once = list(stored_windows(training(refit="once"), "network_band", {"signals": signals, "fills": fills}))
    assert [window.first for window in once] == [FIRST]


def learned(desk, seed):
    """Learn a network, on days that are told to be earlier ones, and keep it; return its file."""
    days = replace(small_task().days, seen_until="2020-03-03T16:59:30+00:00")
    content = learn_from_stored(desk.model_copy(update={"seed": seed}), "network_band", 2, 64, days)
    return keep_network(Home.find(), desk.name, "network_band", content[NETWORK]).name, content["curve"]


def test_what_is_learned_is_the_desks_and_each_day_is_hedged_by_its_own():
    (early, curve), (late, _) = (learned(SHORT, seed) for seed in (1, 2))
    assert curve["step"].tolist() == [0, 2]
    named = with_policies(networks={"network_band": early})
    assert saved_network(named.in_steps(), "network_band", terms_digest(SHORT.for_learning())).network
    signals, fills = days_tested_from("2020-03-04")

    def hedged(networks):
        run = ("delta_implied", "network_band")
        desk = with_policies(
            SHORT.model_copy(update={"evaluation": SHORT.evaluation.model_copy(update={"frontier": 0})}),
            run=run,
            networks={"network_band": networks},
        )
        tables = run_intraday(desk, {"signals": signals, "fills": fills})
        rows = tables["episodes"]
        rows = rows[(rows["policy"] == "network_band") & (rows["delay"] == 0)]
        return rows.groupby("window")["pnl"].agg(list).to_dict(), tables["networks"]["network"].tolist()

    ours, used = hedged({FIRST: early, SECOND: late})
    assert used == [early, late]
    first, second = (hedged(file)[0] for file in (early, late))
    one, two = sorted(ours)
    assert ours[one] == first[one] != second[one]
    assert ours[two] == second[two] != first[two]


def test_a_desk_whose_hedgers_were_trained_can_be_read_again():
    """With its models the settings are kept, and what goes live reads them."""
    served = with_networks(training(), {"network_band": {FIRST: "a.npz", SECOND: "b.npz"}})
    again = desk_from_json(desk_as_json(served).encode())
    assert again == served
    assert again.policies.networks == {"network_band": {FIRST: "a.npz", SECOND: "b.npz"}}
    assert not again.policies.train


def test_what_cannot_be_trained_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"policies\.train trains before a day, not within it"):
        IntradayDesk.model_validate(
            {
                **DESK.model_dump(),
                "policies": {"run": ["delta_implied", "ppo_band"], "train": {"ppo_band": {}}},
                "windows": {**DESK.windows.model_dump(), "refit_minutes": 60},
            }
        )
    from pathlib import Path

    import pipeline.desks

    text = (Path(next(iter(pipeline.desks.__path__))) / "bac-intraday.toml").read_text()
    file = tmp_path / "desk.toml"
    for plan, why in (
        (
            "recurrent_band = {}",
            r"policies\.train: recurrent_band does not learn for a desk of kind intraday",
        ),
        (
            "network_band = {refit_steps = 5}",
            "network_band.refit_steps: on stored days every training",
        ),
        ('network_band = {device = "cuda"}', "network_band.device is cuda: on stored days a GPU has no work"),
    ):
        wanted = f'run = ["{plan.split()[0]}", "none"'
        file.write_text(
            text.replace('run = ["none"', wanted).replace(
                "[evaluation]", f"[policies.train]\n{plan}\n\n[evaluation]"
            )
        )
        with pytest.raises(SettingsError, match=why):
            checked_any(str(file))
