"""From the tables of a backtest on option chains to everything that report, summary and tracker show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from pipeline.backtest.chain_comparison import BOOKS, LATE
from pipeline.backtest.chain_panel import ChainPanel, chain_panel
from pipeline.backtest.contract_moves import contract_moves
from pipeline.backtest.index_moves import history_slopes
from pipeline.domain.chain_desk import ChainDesk
from pipeline.evaluate.chain_metrics import chain_metrics
from pipeline.evaluate.chain_quality import chain_drift, chain_quality, quote_measures
from pipeline.evaluate.compared import compared
from pipeline.evaluate.comparison import (
    attribution_table,
    regime_table,
)
from pipeline.evaluate.costs import cost_table
from pipeline.evaluate.evaluate import tested_windows
from pipeline.evaluate.judged import Judged, require
from pipeline.evaluate.metrics import BPS_PER_UNIT, TAIL_LEVEL
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.slope_gain import SlopeGains, slope_gains
from pipeline.evaluate.training_verdict import training_verdicts
from pipeline.evaluate.verdicts import Verdict, verdicts

TABLES = (
    "episodes",
    "tuned",
    "networks",
    "left_out",
    "vega",
    "signals",
    "quoted",
    "surface",
    "history",
    "scores",
    "events",
    "reliability",
    "intervals",
    "importance",
    "regimes",
    "transition",
    "days",
    "held",
)
AIM = 0.10
"""Of the squared hedging error, which slopes are asked to remove."""


SAID: Final = (
    "Options are dealt at the bid or ask of end-of-day chains and closed at the other side; one that expires "
    "on its last day is settled at the official close. No opening prices are in the data, so options that "
    "settle at the open are closed at the quotes of a day before. The hedge is the parity forward of the "
    "option's own expiry, traded at the quotes that it is decided on; they are known a quarter of an hour "
    "later, so the same hedges a day late stand beside. An episode is a start day: the average over all "
    "options dealt on it.",
    "The window is short: {days} start days, of which {effective} do not overlap. Intervals are of whole "
    "days, and of blocks too few to be sure of their width; below five days that do not overlap there are "
    "none. Nothing here is a claim about other years.",
)


@dataclass(frozen=True, kw_only=True)
class ChainJudgement(Judged):
    """The judgement of one backtest on option chains.

    An episode of `panel`, `comparison` and the tests is a start day: the mean over the options dealt on it.

    Attributes
    ----------
    pooled : by options (all, calls, puts) and policy, over single options, see `chain_metrics`.
    gains : what slopes remove from delta's daily error, see `slope_gain`.
    quality, drift : the quotes by day, and before the test against in it, see `chain_quality`.
    frontier : by share of vega hedged with a listed option: mean, deviation, tail and cost, bps.
    """

    settings: ChainDesk
    pooled: pd.DataFrame
    gains: SlopeGains
    frontier: pd.DataFrame
    quality: pd.DataFrame
    drift: pd.DataFrame

    @property
    def said(self) -> tuple[str, ...]:
        """What has to be said before any verdict."""
        shown = {"days": self.panel.size, "effective": self.effective}
        return tuple(sentence.format(**shown) for sentence in SAID)


def evaluate_chain(
    settings: ChainDesk, tables: Mapping[str, pd.DataFrame], earlier_looks: int = 0
) -> ChainJudgement:
    """Judge a backtest on option chains; pure, and the same to the last bit for the same seed.

    Raises
    ------
    DataError
        A table of `TABLES` is missing, or the deals of the policies do not match.
    SettingsError
        The desk did not run `delta_implied`, to which every policy is compared.
    """
    require(tables, TABLES)
    desk = settings.in_steps()
    chain, days = chain_panel(tables["quoted"]), by_day(tables["episodes"])
    deals, own = (table[table["delay"] == 0] for table in (tables["episodes"], days))
    panel, late = (EpisodePanel.from_table(days, delay, pd.Series(chain.days)) for delay in (0, LATE))
    block = float(settings.evaluation.block_sessions)
    found = compared(desk, panel, settings.option.hold_days, block, earlier_looks)
    gains = gains_of(settings, chain, tables["history"])
    quality = chain_quality(tables["quoted"])
    first = pd.Timestamp(settings.windows.test_start)
    return ChainJudgement(
        settings=settings,
        desk=desk,
        tables=tables,
        panel=panel,
        comparison=found.comparison,
        delayed=found.table(late),
        pooled=pooled_metrics(settings, deals),
        gains=gains,
        frontier=frontier_table(tables["vega"]),
        quality=quality,
        drift=chain_drift(quality, quote_measures(tables["quoted"]), first),
        against_delta=found.against_delta,
        ablations=found.ablations,
        trained=found.trained,
        by_regime=regime_table(panel, found.indices, desk),
        attribution=attribution_table(panel),
        costs=cost_table(own, own.iloc[:0]),
        windows=tested_windows(own),
        effective=found.effective,
        earlier_looks=earlier_looks,
        verdicts=(
            *verdicts(desk, found.ablations, found.against_delta, found.comparison, earlier_looks),
            *training_verdicts(desk, found.trained, earlier_looks),
            slope_verdict(gains),
        ),
    )


def by_day(deals: pd.DataFrame) -> pd.DataFrame:
    """Return one row a policy, delay and start day: the average over its deals, calls and puts together."""
    grouped = deals.groupby(["policy", "delay", "start"], sort=False)
    means = grouped[[*BOOKS, "market_return"]].mean()
    firsts = grouped[["window", "regime"]].first()
    return means.join(firsts).reset_index()


def pooled_metrics(desk: ChainDesk, deals: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of single options by `options` and `policy`."""
    own, parts = desk.evaluation, {"all": deals}
    parts |= {f"{right}s": rows for right, rows in deals.groupby("right", sort=False)}
    found = {
        str(name): chain_metrics(
            rows, desk.risk, own.block_sessions, own.resamples, own.confidence, desk.seed
        )
        for name, rows in parts.items()
    }
    return pd.concat(found, names=["options"])


def gains_of(desk: ChainDesk, panel: ChainPanel, history: pd.DataFrame) -> SlopeGains:
    """Return what slopes gain over delta from `windows.test_start` on; the prior ends before the chain."""
    prior = history_slopes(history, panel.days[0], desk.market.atm_ratio)
    first = int(panel.days.searchsorted(pd.Timestamp(desk.windows.test_start)))
    evaluation = desk.evaluation
    return slope_gains(
        contract_moves(panel), first, prior, evaluation.resamples, evaluation.confidence, desk.seed
    )


def frontier_table(vega: pd.DataFrame) -> pd.DataFrame:
    """Return mean, deviation, mean loss of the worst 5 % and cost by share of vega hedged, bps."""
    rows = []
    for share, deals in vega.groupby("share"):
        pnl = np.sort(deals["pnl"].to_numpy(np.float64))
        worst = pnl[: max(1, round((1.0 - TAIL_LEVEL) * len(pnl)))]
        figures = (pnl.mean(), pnl.std(), -worst.mean(), deals["cost"].mean())
        rows.append((share, len(pnl), *(BPS_PER_UNIT * each for each in figures)))
    names = ["share", "options", "pnl_mean_bps", "pnl_sd_bps", "cvar95_bps", "cost_bps"]
    return pd.DataFrame(rows, columns=names)


def slope_verdict(gains: SlopeGains) -> Verdict:
    """Return in words what the slope removes out of sample, and the most that any such slope can."""
    own = gains.table[gains.table["options"] == "all"].set_index("slope")
    figures = own.drop(columns="options").astype(float).to_dict("index")
    row, bound = figures["shrunk"], figures["in_sample"]["gain"]
    reached = "reaches" if row["gain"] >= AIM else "does not reach"
    return Verdict(
        question="Does the spot-volatility slope reduce delta's error on real quotes?",
        answer="yes" if row["low"] > 0.0 else "it hurt" if row["high"] < 0.0 else "no",
        sentence=(
            f"Out of sample it {_removes(row['gain'])} the squared error of {row['pairs']:,.0f} "
            f"day-to-day changes on {row['days']:.0f} days (interval of whole days {100 * row['low']:.0f} "
            f"to {100 * row['high']:.0f} %), which {reached} the aim of {100 * AIM:.0f} %. Slopes fitted on "
            f"the test days themselves remove {100 * bound:.1f} %, the most there is. Three days make up "
            f"{100 * row['worst_days_share']:.0f} % of the error."
        ),
    )


def _removes(gain: float) -> str:
    return f"removes {100 * gain:.1f} % of" if gain >= 0.0 else f"adds {-100 * gain:.1f} % to"
