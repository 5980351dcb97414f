"""From the tables of one hedged contract to everything that report, summary and tracker show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.backtest.attribution import root_mean_square
from pipeline.backtest.contract_explain import PARTS
from pipeline.backtest.ledger import SOURCES
from pipeline.domain.contract_desk import ContractDesk
from pipeline.evaluate.book import max_drawdown
from pipeline.evaluate.comparison import ABLATIONS, metric_table, paired_tests, pairs_of_ablations
from pipeline.evaluate.judged import Judged, require
from pipeline.evaluate.metrics import BASELINE, BPS_PER_UNIT, METRICS, sample_metrics
from pipeline.evaluate.panel import EpisodePanel
from pipeline.evaluate.verdicts import UNUSED, Verdict

TABLES: Final = (
    "days",
    "totals",
    "life",
    "checks",
    "tuned",
    "networks",
    "scores",
    "events",
    "reliability",
    "intervals",
    "importance",
    "regimes",
    "transition",
    "held",
    "option_quotes",
)
SAID: Final = (
    "One contract is one path: this is a single hedge and no sample. Nothing here says that one policy is "
    "better than another on other days or other shares, so no interval and no p-value is given; an "
    "episode of the table is a day of the hedge.",
    "Hedgers are fitted before the contract is dealt, on {options:,} options on the adjusted history of the "
    "share that are marked at the index of volatility times {ratio:.2f}, the ratio of both before that day. "
    "Option quotes of those years are not in the data.",
)
STALE: Final = (
    "On {unquoted} days of the hedge the option has no sound quote: it is marked by the model at its last "
    "volatility."
)
HEDGED: Final = ["lower", "upper", "position", "pnl"]
"""What two policies share on every day where training left one as the other."""
BOOKED: Final = ("premium", "trading", "dividends", "carry", "cost", "payoff", "pnl")


@dataclass(frozen=True, kw_only=True)
class ContractJudgement(Judged):
    """The judgement of one hedged contract, at the close that a trade is decided on: nothing is `delayed`.

    An episode of `panel` and `comparison` is a day of the hedge; there are no tests and no intervals.

    Attributes
    ----------
    path : by policy, over the whole hedge, bps of the share at the start: the ledger (`dividends` out of
        `carry`, which is interest alone), `pnl_sd_bps` and `worst_day_bps` of a day, `max_drawdown_bps`,
        `turnover`, `trades`, `pnl_money` of the data a share.
    explained : by policy, bps: sum and root mean square of a day of each part of the P&L, and
        `residual_of_options`, the residual's root mean square over that of the option's own P&L.
    """

    settings: ContractDesk
    path: pd.DataFrame
    explained: pd.DataFrame

    @property
    def life(self) -> Mapping[str, Any]:
        """How the contract was dealt and how it ended."""
        return told(self.tables)

    @property
    def said(self) -> tuple[str, ...]:
        """What has to be said before any verdict."""
        life = self.life
        shown = {"options": life["training_options"], "ratio": life["ratio"], "unquoted": life["unquoted"]}
        said = (*SAID, STALE) if life["unquoted"] else SAID
        return tuple(sentence.format(**shown) for sentence in said)


def evaluate_contract(
    settings: ContractDesk, tables: Mapping[str, pd.DataFrame], earlier_looks: int = 0
) -> ContractJudgement:
    """Judge one hedged contract; pure.

    Raises
    ------
    DataError
        A table of `TABLES` is missing, or the days of the policies do not match.
    """
    require(tables, TABLES)
    desk, days, totals = settings.in_steps(), tables["days"], tables["totals"]
    one = days[days["policy"] == BASELINE]
    panel = EpisodePanel.from_table(by_step(days), 0, one["session"])
    sampled = sample_metrics(panel, np.arange(panel.size)[None], desk.risk)
    comparison = metric_table(sampled, settings.evaluation.confidence)
    for name in METRICS:  # one draw, the days as they were: no interval
        comparison[[f"{name}_low", f"{name}_high"]] = np.nan
    path = path_table(days, totals, float(tables["life"]["scale"].iloc[0]))
    untested = paired_tests(sampled, [], settings.evaluation.confidence)
    return ContractJudgement(
        settings=settings,
        desk=desk,
        tables=tables,
        panel=panel,
        comparison=comparison,
        path=path,
        explained=explained_table(days),
        against_delta=untested,
        ablations=untested,
        by_regime=pd.DataFrame({"name": [], "policy": []}),
        attribution=path[[f"{name}_bps" for name in BOOKED]],
        costs=costs_of(totals),
        windows=pd.DataFrame(
            {
                "window": [0],
                "first": [one["session"].iloc[0]],
                "last": [one["session"].iloc[-1]],
                "episodes": [panel.size],
            }
        ),
        effective=panel.size,
        earlier_looks=earlier_looks,
        verdicts=verdicts_of(tables, path),
    )


def by_step(days: pd.DataFrame) -> pd.DataFrame:
    """Return one row a policy and day in the words of an episode: the option's change is its `premium`."""
    return pd.DataFrame(
        {
            "policy": days["policy"],
            "start": days["session"],
            "delay": 0,
            "regime": days["regime"],
            "market_return": days["market_return"],
            "pnl": days["pnl"],
            "premium": days["options"],
            "trading": days["hedge"],
            "carry": days["carry"],
            "cost": days["cost"],
            "payoff": 0.0,
            "turnover": days["traded"],
            "trades": days["trades"],
        }
    )


def path_table(days: pd.DataFrame, totals: pd.DataFrame, scale: float) -> pd.DataFrame:
    """Return what each policy made of the whole hedge, see `ContractJudgement.path`."""
    rows = {}
    for row in totals.to_dict("records"):
        pnl = days.loc[days["policy"] == row["policy"], "pnl"].to_numpy(np.float64)
        own = {**row, "carry": row["carry"] - row["dividends"]}
        rows[row["policy"]] = {
            **{f"{name}_bps": BPS_PER_UNIT * own[name] for name in BOOKED},
            "pnl_sd_bps": BPS_PER_UNIT * pnl.std(),
            "worst_day_bps": BPS_PER_UNIT * pnl.min(),
            "max_drawdown_bps": BPS_PER_UNIT * max_drawdown(pnl),
            "turnover": row["turnover"],
            "trades": row["trades"],
            "pnl_money": row["pnl"] / scale,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def explained_table(days: pd.DataFrame) -> pd.DataFrame:
    """Return what explains the P&L by policy, see `ContractJudgement.explained`."""
    rows = {}
    for policy, own in days.groupby("policy", sort=False):
        parts = {name: own[name].to_numpy(np.float64) for name in PARTS}
        size = {name: root_mean_square(values) for name, values in parts.items()}
        rows[str(policy)] = {
            **{f"sum_{name}_bps": BPS_PER_UNIT * values.sum() for name, values in parts.items()},
            **{f"rms_{name}_bps": BPS_PER_UNIT * each for name, each in size.items()},
            "residual_of_options": size["residual"] / root_mean_square(own["options"].to_numpy(np.float64)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("policy")


def costs_of(totals: pd.DataFrame) -> pd.DataFrame:
    """Return the cost by source of each policy over the whole hedge, bps, as the view `contract`."""
    names = [*SOURCES, "cost"]
    return (BPS_PER_UNIT * totals[names]).assign(view="contract", policy=totals["policy"])[
        ["view", "policy", *names]
    ]


def told(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the one row of the table `life` by name."""
    return {str(name): value for name, value in tables["life"].to_dict("records")[0].items()}


def verdicts_of(tables: Mapping[str, pd.DataFrame], path: pd.DataFrame) -> tuple[Verdict, ...]:
    """Say how the contract ended, what the path shows and does not, and which part is unused."""
    life, checks = told(tables), tables["checks"]
    early = life["ending"] == "exercised"
    considered = ", ".join(
        f"{row['session']:%Y-%m-%d} (dividend {row['dividend']:.2f}, time value {row['time_value']:.2f})"
        for row in checks.to_dict("records")
    )
    end = f"It ended on {life['end']:%Y-%m-%d} ({life['ending']}), at {life['exit']:.2f} an option."
    steady, made = (path[name].astype(float).to_dict() for name in ("pnl_sd_bps", "pnl_bps"))
    least = min(steady, key=lambda policy: steady[policy])
    beside = f" against {steady[BASELINE]:.1f} and {made[BASELINE]:.0f} bps of {BASELINE}"
    ran = (
        f"On this path {least} had the steadiest days, {steady[least]:.1f} bps; the P&L of the whole "
        f"hedge was {made[least]:.0f} bps{'' if least == BASELINE else beside}. "
        "One path cannot tell skill from luck."
    )
    return (
        Verdict(
            "Was the option exercised early?",
            "yes" if early else "no",
            f"Considered on the evenings {considered or '(none: no ex-date)'}. {end}",
        ),
        Verdict("Is any hedge shown to be better?", "no", ran),
        *_unused(tables["days"]),
    )


def _unused(days: pd.DataFrame) -> list[Verdict]:
    """Name each part of a policy without which it has the same band and position on every day.

    A part that is used cannot be judged on one path: no verdict is given of it.
    """
    own = {str(policy): rows[HEDGED].to_numpy(np.float64) for policy, rows in days.groupby("policy")}
    parts = {ablation: part for part, ablation in ABLATIONS.items()}
    return [
        Verdict(f"Did {parts[ablation]} pay?", "no", UNUSED)
        for policy, ablation in pairs_of_ablations(list(own))
        if np.array_equal(own[policy], own[ablation], equal_nan=True)
    ]
