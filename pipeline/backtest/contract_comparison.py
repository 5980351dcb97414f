"""Every hedger on one American option, fitted on the history of its share before the option was dealt."""

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.backtest.contract_explain import contract_moves, daily_rows
from pipeline.backtest.contract_hedge import contract_hedge, hedged
from pipeline.backtest.contract_life import contract_life
from pipeline.backtest.episodes import Episodes, build_episodes
from pipeline.backtest.ledger import SOURCES, Ledger
from pipeline.backtest.policy_fit import fit_before, training_rows_of
from pipeline.backtest.result_tables import parameter_rows
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk
from pipeline.ingest.pieces import Pieces, anew
from pipeline.policies.catalogue import FLAGSHIP
from pipeline.policies.served_networks import network_table, policies_on
from pipeline.policies.written import written

BOOKS = ("pnl", "premium", "trading", "carry", "cost", *SOURCES, "payoff", "turnover", "trades")
log = logging.getLogger(__name__)


def run_contract(
    desk: ContractDesk, signals: Mapping[str, pd.DataFrame], pieces: Pieces = anew
) -> dict[str, pd.DataFrame | bytes]:
    """Fit every policy before the contract is dealt, and hedge the contract with it.

    Parameters
    ----------
    desk : settings.
    signals : the tables of `contract_signals.learn_contract`.
    pieces : may know policies that were fitted on the same episodes before.

    Returns
    -------
    Tables `days` (see `contract_explain.daily_rows`), `totals` (one row a policy: its ledger), `life` (one
    row: how the option was dealt and how it ended), `checks` (evenings on which exercise was considered),
    `tuned`, `networks` (see `served_networks.network_table`), and the fitted flagship.
    """
    life = contract_life(desk, *(signals[name] for name in ("contract", "marks", "expected", "dividends")))
    hedge = contract_hedge(desk, life, signals["signals"])
    moves = contract_moves(hedge, life)
    settings = desk.of_training(life.option.right, float(signals["level"]["ratio"].iloc[0]))
    episodes, known = training_episodes(settings, signals["signals"])
    days, totals, tuned, files = [], [], [], {}
    first = life.sessions[0]
    for name, policy in policies_on(desk, first.date(), first).items():
        started = time.perf_counter()
        found = fit_before(settings, policy, known, pieces)
        band, ledger = hedged(hedge, found.policy)
        days.append(daily_rows(name, hedge, life, moves, band, ledger))
        dividends = float(days[-1]["dividends"].sum())
        totals.append({"policy": name, **booked(ledger), "dividends": dividends})
        tuned += parameter_rows(0, found.policy, found.score)
        if name == FLAGSHIP:
            files["models/regime_switched.json"] = json.dumps(written(found.policy)).encode()
        log.debug("%s: %.1f s", name, time.perf_counter() - started)
    told = {
        "right": life.option.right,
        "strike": life.option.strike,
        "expiry": pd.Timestamp(life.option.expiry),
        "start": life.sessions[0],
        "end": life.sessions[-1],
        "ending": life.ending,
        "entry": life.entry,
        "exit": life.exit,
        "scale": hedge.scale,
        "unquoted": int((~life.quoted[:-1]).sum()),
        "training_options": len(episodes.start),
        "ratio": settings.market.atm_ratio,
    }
    return {
        "days": pd.concat(days, ignore_index=True),
        "totals": pd.DataFrame(totals),
        "life": pd.DataFrame([told]),
        "checks": life.checks,
        "tuned": pd.DataFrame(tuned, columns=["window", "policy", "parameter", "value", "training_score"]),
        "networks": network_table(desk, [first.date()]),
        **files,
    }


def training_episodes(desk: Desk, signals: pd.DataFrame) -> tuple[Episodes, Any]:
    """Return options on the adjusted history that are over before the test, and what they are known by.

    They are European, at the money and marked at the index of volatility times the desk's ratio: a stand-in
    for quotes that the history does not have, which widths, slopes and weights are learned on.
    """
    before = signals[signals["session"] < pd.Timestamp(desk.windows.test_start)].reset_index(drop=True)
    episodes = build_episodes(desk, before)
    return episodes, training_rows_of(episodes, np.arange(len(episodes.start)))


def booked(ledger: Ledger) -> dict[str, float]:
    """Return the books of the one episode by name."""
    return {name: float(getattr(ledger, name)[0]) for name in BOOKS}
