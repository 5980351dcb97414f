"""Learning from the quotes of a chain: before each window, on what had ended, and who hedges which one."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from pipeline.backtest.chain_comparison import run_chain
from pipeline.backtest.quote_sight import StoredQuotes, quoted_days
from pipeline.domain.desk import LearnSettings
from pipeline.domain.errors import DataError, StoreError
from pipeline.domain.home import Home
from pipeline.learning.in_a_run import NETWORK, STATE, learn_hedger
from pipeline.learning.seen_market import MARGIN
from pipeline.learning.stored_in_a_run import learn_from_stored, stored_before, stored_windows
from pipeline.learning.stored_learners import trainer_of
from pipeline.learning.windows import learning_windows
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.learns import BANDS
from pipeline.policies.network_slope import NetworkSlope
from pipeline.policies.saved_network import keep_network, terms_digest, with_networks
from tests.backtest.test_chain import bars, desk, quoted, signals_of  # noqa: F401

FIRST, SECOND = date(2019, 5, 16), date(2019, 5, 23)
POLICY = "network_slope"


def chain_desk(**plan):
    made = desk()
    windows = made.windows.model_copy(update={"test_start": FIRST})
    train = {POLICY: LearnSettings(**plan)}
    policies = made.policies.model_copy(update={"run": ("delta_implied", POLICY), "train": train})
    return made.model_copy(update={"policies": policies, "windows": windows})


def sloped(stored, slope):
    """The same changes of quotes with a slope put in."""
    moves = stored.seen.moves
    return replace(stored, seen=replace(stored.seen, moves=replace(moves, excess=slope * moves.scale)))


def learned(stored, seed=1, steps=3):
    settings = chain_desk().model_copy(update={"seed": seed})
    return learn_from_stored(settings.for_learning(), POLICY, steps, 64, stored)


def test_what_came_after_a_window_changes_no_bit_of_what_is_learned_for_it(quoted):  # noqa: F811
    whole = list(stored_windows(chain_desk(), POLICY, {"quoted": quoted}))
    assert [window.first for window in whole] == [FIRST, SECOND]
    assert [window.stored.value.seen_until for window in whole] == ["2019-05-14", "2019-05-22"]
    days = quoted_days(quoted)
    later, rng = (days >= f"{SECOND}").to_numpy(), np.random.default_rng(3)
    noise = {
        name: np.where(later, quoted[name] * rng.uniform(0.5, 2.0, len(later)), quoted[name])
        for name in ("mid", "forward", "implied_vol")
    }
    scrambled = list(stored_windows(chain_desk(), POLICY, {"quoted": quoted.assign(**noise)}))
    cut = StoredQuotes.of(quoted[~later], SECOND)
    assert [a.stored.digest == b.stored.digest for a, b in zip(scrambled, whole, strict=True)] == [True, True]
    networks = [learned(each)[NETWORK] for each in (whole[1].stored.value, scrambled[1].stored.value, cut)]
    assert networks[0] == networks[1] == networks[2]
    earlier = quoted.assign(mid=np.where(days == "2019-05-17", 1.01 * quoted["mid"], quoted["mid"]))
    moved = list(stored_windows(chain_desk(), POLICY, {"quoted": earlier}))
    assert [a.stored.digest == b.stored.digest for a, b in zip(moved, whole, strict=True)] == [True, False]
    (once,) = stored_windows(chain_desk(refit="once"), POLICY, {"quoted": quoted})
    assert once.first == FIRST


def test_what_is_learned_is_the_networks_own_answer_in_plain_numbers(quoted):  # noqa: F811
    stored = sloped(StoredQuotes.of(quoted, FIRST), -0.3)
    trainer = trainer_of(POLICY, chain_desk(), stored, 30, 256, 4, 0.05)
    from pipeline.deep.quotes_task import learned_slopes
    from pipeline.deep.training import train

    found = train(trainer)
    policy = trainer.checkpoint().policy()
    assert isinstance(policy, NetworkSlope)
    ours = np.tanh(policy.network(stored.seen.own)[:, 0])
    theirs = learned_slopes(found.learned, stored.seen, 1)
    assert np.ptp(theirs) > 1e-3
    np.testing.assert_allclose(ours, theirs, atol=1e-6, rtol=0.0)
    told = trainer.facts()
    assert told["task/pairs"] == len(stored.seen.moves.day)
    assert told["task/days"] == 9


def test_a_training_goes_on_to_the_same_bits(quoted, tmp_path):  # noqa: F811
    from pipeline.deep.training import train

    stored, files = StoredQuotes.of(quoted, FIRST), [tmp_path / "whole.npz", tmp_path / "resumed.npz"]

    def trainer():
        made = trainer_of(POLICY, chain_desk(), stored, 20, 64, 4, None)
        assert made.plan.save_every == 10
        return made

    def killed(step, risk):
        raise KeyboardInterrupt

    train(trainer(), files[0])
    with pytest.raises(KeyboardInterrupt):
        train(trainer(), files[1], killed)
    train(trainer(), files[1])
    assert files[0].read_bytes() == files[1].read_bytes()
    other = trainer_of(POLICY, chain_desk(), StoredQuotes.of(quoted, SECOND), 20, 64, 4, None)
    with pytest.raises(StoreError, match="another plan or for other markets"):
        train(other, files[0])


def test_each_window_is_hedged_by_the_network_that_learned_before_it(quoted, bars):  # noqa: F811
    settings, files = chain_desk(), {}
    for (first, stored), seed in zip(stored_before(settings, {"quoted": quoted}), (1, 2), strict=True):
        content = learned(sloped(stored, -0.1 * seed), seed, steps=12)[NETWORK]
        files[first] = keep_network(Home.find(), settings.name, POLICY, content).name
    facts = Checkpoint.read(Home.find().data / "networks" / files[SECOND])
    assert facts.desk == terms_digest(settings)

    def hedged(networks):
        tables = run_chain(with_networks(settings, {POLICY: networks}), told)
        rows = tables["episodes"]
        rows = rows[(rows["policy"] == POLICY) & (rows["delay"] == 0)]
        return rows.groupby("window")["pnl"].agg(list).to_dict(), tables["networks"]

    told = {"signals": signals_of(), "quoted": quoted, "closes": bars}
    ours, served = hedged(files)
    assert served["network"].tolist() == list(files.values())
    assert served["risk_after"].notna().all()
    once, _ = hedged({FIRST: files[FIRST]})
    assert ours[0] == once[0]
    assert ours[1] != once[1]
    with pytest.raises(StoreError, match="network_slope learned from the market until 2019-05-22"):
        hedged({FIRST: files[SECOND]})


def band_desk(policy):
    made = desk()
    train = {policy: LearnSettings(steps=2, paths=64)}
    policies = made.policies.model_copy(update={"run": ("delta_implied", policy), "train": train})
    return made.model_copy(update={"policies": policies, "windows": chain_desk().windows})


@pytest.mark.parametrize("policy", BANDS)
def test_a_band_learns_in_markets_as_wild_as_the_quotes_before_a_window(
    policy,
    quoted,  # noqa: F811
    bars,  # noqa: F811
    monkeypatch,
):
    monkeypatch.setattr("pipeline.agents.trainer.VALIDATION_PATHS", 512)
    settings = band_desk(policy)
    grown = (quoted_days(quoted) == "2019-05-17").to_numpy()
    quoted = quoted.assign(implied_vol=np.where(grown, 1.5 * quoted["implied_vol"], quoted["implied_vol"]))
    windows = list(learning_windows(settings, policy, {"quoted": quoted}))
    assert [(each.first, each.order.steps) for each in windows] == [(FIRST, 2), (SECOND, 1)]
    assert [each.order.seen_until for each in windows] == ["2019-05-14", "2019-05-22"]
    vols = quoted.loc[quoted_days(quoted) < f"{FIRST}", "implied_vol"]
    low, high = windows[0].order.known.volatility
    assert vols.min() / MARGIN - 1e-4 <= low < high <= vols.max() * MARGIN + 1e-4
    later = (quoted_days(quoted) >= f"{SECOND}").to_numpy()
    wild = quoted.assign(implied_vol=np.where(later, 3.0 * quoted["implied_vol"], quoted["implied_vol"]))
    for other in (wild, quoted[~later | (quoted_days(quoted) >= "2019-05-23").to_numpy()]):
        assert list(learning_windows(settings, policy, {"quoted": other})) == windows
    files, before = {}, None
    for window in windows:
        made = learn_hedger(settings.for_learning(), policy, window.order, before)
        before = made[STATE]
        files[window.first] = keep_network(Home.find(), settings.name, policy, made[NETWORK]).name
    hedged = with_networks(settings, {policy: files})
    tables = run_chain(hedged, {"signals": signals_of(), "quoted": quoted, "closes": bars})
    assert tables["networks"]["network"].tolist() == list(files.values())
    told = [each.order.known.volatility[1] for each in windows]
    assert tables["networks"]["volatility_high"].tolist() == told
    assert set(tables["episodes"]["policy"]) == {"delta_implied", policy, "zakamouline"}


def test_too_few_quotes_are_named(quoted):  # noqa: F811
    with pytest.raises(DataError, match="no quotes before 2019-05-01"):
        StoredQuotes.of(quoted, date(2019, 5, 1))
    with pytest.raises(DataError, match="on 2 days, 4 are needed"):
        trainer_of(POLICY, chain_desk(), StoredQuotes.of(quoted, date(2019, 5, 4)), 1, 64, 0, None)
