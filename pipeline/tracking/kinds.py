"""What is judged, written and tracked of each kind of desk: one entry a kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pandas as pd
from mlflow import MlflowClient

from pipeline.backtest.chain_comparison import run_chain
from pipeline.backtest.chain_signals import learn_chain
from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.contract_comparison import run_contract
from pipeline.backtest.contract_signals import learn_contract
from pipeline.backtest.intraday_comparison import run_intraday
from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.backtest.signals import learn_signals
from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import CHAIN, CONTRACT, DAILY, INTRADAY
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.evaluate.chain import ChainJudgement, evaluate_chain
from pipeline.evaluate.chain_report import chain_report
from pipeline.evaluate.contract import ContractJudgement, evaluate_contract
from pipeline.evaluate.contract_report import contract_report
from pipeline.evaluate.daily_report import daily_report
from pipeline.evaluate.data_quality import data_tables
from pipeline.evaluate.evaluate import Evaluation, evaluate
from pipeline.evaluate.intraday import IntradayJudgement, evaluate_intraday
from pipeline.evaluate.intraday_report import intraday_report
from pipeline.evaluate.judged import Judged
from pipeline.evaluate.own_fills import FILLS, OWN_FILLS
from pipeline.evaluate.page import Report
from pipeline.evaluate.run_record import RunRecord
from pipeline.features.assemble import assemble
from pipeline.features.chain_matrix import chain_matrix
from pipeline.features.contract_marks import contract_matrix
from pipeline.features.decision_grid import BOOK_DAYS, decision_features
from pipeline.ingest import chain_files, contract_files
from pipeline.ingest.market_days import DAYS, HELD, load_days
from pipeline.ingest.sources import load_tables
from pipeline.ingest.store import Dataset
from pipeline.tracking.learned_hedgers import champion_hedger
from pipeline.tracking.monitoring import monitor_reference
from pipeline.tracking.own_costs import OWN_COSTS, log_own_costs
from pipeline.tracking.record import (
    book_numbers,
    log_forecasters,
    log_inputs,
    log_parent,
    log_policies,
)
from pipeline.tracking.registry import log_models, register

INTRADAY_TABLES: Final = (
    "comparison",
    "delayed",
    "worst",
    "against_delta",
    "ablations",
    "by_regime",
    "attribution",
    "costs",
    "windows",
    "drift",
    "known",
    "liquidity",
)
"""Tables of the judgement of a run within the day that are logged as CSV."""

CHAIN_TABLES: Final = (
    "comparison",
    "pooled",
    "frontier",
    "quality",
    "drift",
    "against_delta",
    "ablations",
    "trained",
    "by_regime",
    "attribution",
    "costs",
    "windows",
)
"""Tables of the judgement of a run on option chains that are logged as CSV."""


CONTRACT_TABLES: Final = ("comparison", "path", "explained", "costs")
"""Tables of the judgement of a run on one contract that are logged as CSV."""


@dataclass(frozen=True)
class Tracked:
    """An open run, what it read and what its parts are marked with.

    `versions` mark registered models.
    """

    client: MlflowClient
    mlruns: Path
    experiment: str
    run_id: str
    datasets: Mapping[str, Dataset]
    folder: Path
    timings: Mapping[str, float]
    marks: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """What is done with a finished backtest.

    Attributes
    ----------
    makers : functions whose code made the datasets.
    judge : settings, datasets and earlier looks to the judgement.
    facts : settings and the dataset `market` to what the run record says of it.
    report : judgement and run record to the report.
    track : logs the judgement into an open run, and registers models.
    """

    makers: tuple[Callable[..., Any], ...]
    judge: Callable[[Any, Mapping[str, Dataset], int], Judged]
    facts: Callable[[Any, Dataset], dict[str, str | int]]
    report: Callable[[Any, RunRecord], Report]
    track: Callable[[Tracked, Any], None]


def market_facts(desk: Desk, market: Dataset) -> dict[str, str | int]:
    """Return what the market data of a run hold, so that two runs can be told apart by it."""
    sessions = market["bars"]["session"]
    return {
        "source": desk.data.label,
        "first_session": f"{sessions.iloc[0]:%Y-%m-%d}",
        "last_session": f"{sessions.iloc[-1]:%Y-%m-%d}",
        "sessions": len(sessions),
    }


def intraday_facts(desk: IntradayDesk, market: Dataset) -> dict[str, str | int]:
    """Return what the market data of a run within the day hold."""
    days = market[DAYS]["day"]
    return {
        "source": desk.data.label,
        "first_session": str(days.min()),
        "last_session": str(days.max()),
        "sessions": int(days.nunique()),
    }


def chain_facts(desk: ChainDesk, market: Dataset) -> dict[str, str | int]:
    """Return what the market data of a run on option chains hold."""
    days = market[chain_files.DAYS]["day"]
    return {
        "source": desk.data.label,
        "first_session": f"{days.min():%Y-%m-%d}",
        "last_session": f"{days.max():%Y-%m-%d}",
        "sessions": int(days.nunique()),
    }


def contract_facts(desk: ContractDesk, market: Dataset) -> dict[str, str | int]:
    """Return what the market data of a run on one contract hold."""
    days = market[contract_files.QUOTES]["event_time"]
    return {
        "source": desk.data.label,
        "first_session": f"{days.min():%Y-%m-%d}",
        "last_session": f"{days.max():%Y-%m-%d}",
        "sessions": int(days.nunique()),
    }


def _judge_daily(desk: Desk, datasets: Mapping[str, Dataset], looks: int) -> Evaluation:
    market = datasets["market"]
    tables = {**datasets["backtest"], **datasets["signals"], **data_tables(market)}
    return evaluate(desk, tables | _own_fills(market), looks)


def _own_fills(market: Dataset) -> dict[str, pd.DataFrame]:
    """Return the desk's own fills as evaluations know them; nothing where it gives none."""
    return {OWN_FILLS: market[FILLS]} if FILLS in market else {}


def _judge_intraday(desk: IntradayDesk, datasets: Mapping[str, Dataset], looks: int) -> IntradayJudgement:
    market, matrix = datasets["market"], datasets["features"]
    tables = {**datasets["backtest"], **datasets["signals"], **data_tables(market)}
    tables |= {name: market[name] for name in (DAYS, HELD)} | _own_fills(market)
    tables |= {"decisions": matrix["features"], BOOK_DAYS: matrix[BOOK_DAYS]}
    return evaluate_intraday(desk, tables, looks)


def _judge_chain(desk: ChainDesk, datasets: Mapping[str, Dataset], looks: int) -> ChainJudgement:
    market = datasets["market"]
    tables = {**datasets["backtest"], **datasets["signals"], **data_tables(market)}
    tables |= {name: market[name] for name in (chain_files.DAYS, chain_files.HELD)}
    return evaluate_chain(desk, tables, looks)


def _judge_contract(desk: ContractDesk, datasets: Mapping[str, Dataset], looks: int) -> ContractJudgement:
    market = datasets["market"]
    tables = {**datasets["signals"], **datasets["backtest"], **data_tables(market)}
    tables |= {name: market[name] for name in (contract_files.HELD, contract_files.QUOTES)}
    return evaluate_contract(desk, tables, looks)


def _track_daily(run: Tracked, evaluation: Evaluation) -> None:
    datasets = run.datasets
    models = log_models(evaluation.desk, datasets["signals"], datasets["backtest"])
    log_parent(run.client, run.run_id, evaluation, run.folder, run.timings)
    log_inputs(datasets["market"], datasets["signals"])

    def further(policy: str) -> Mapping[str, float]:
        return book_numbers(evaluation, policy)

    log_policies(run.client, run.experiment, evaluation, run.marks, further)
    log_forecasters(run.client, run.experiment, evaluation.tables, run.marks)
    register(run.client, evaluation.desk, models, run.versions)


def _track_intraday(run: Tracked, evaluation: IntradayJudgement) -> None:
    datasets, unfilled = run.datasets, evaluation.tables["unfilled"]
    parts = (datasets["features"], datasets["signals"], datasets["backtest"])
    reigning = partial(champion_hedger, run.client, evaluation.settings)
    watched = monitor_reference(evaluation.settings, *parts, reigning)
    models = log_models(evaluation.settings, *parts[1:], watched)
    if OWN_COSTS in datasets:
        models |= log_own_costs(run.client, run.run_id, datasets[OWN_COSTS])
    log_parent(run.client, run.run_id, evaluation, run.folder, run.timings, INTRADAY_TABLES)
    log_inputs(datasets["market"], datasets["signals"], DAYS)

    def further(policy: str) -> Mapping[str, float]:
        orders = unfilled[unfilled["policy"] == policy].groupby("reason")["orders"].sum()
        return {f"unfilled/{str(reason).replace(' ', '_')}": float(count) for reason, count in orders.items()}

    log_policies(run.client, run.experiment, evaluation, run.marks, further)
    log_forecasters(run.client, run.experiment, evaluation.tables, run.marks)
    register(run.client, evaluation.settings, models, run.versions)


def _track_chain(run: Tracked, evaluation: ChainJudgement) -> None:
    datasets, pooled = run.datasets, evaluation.pooled
    log_parent(run.client, run.run_id, evaluation, run.folder, run.timings, CHAIN_TABLES)
    log_inputs(datasets["market"], datasets["signals"])

    def further(policy: str) -> Mapping[str, float]:
        options = pooled.index.get_level_values("options").unique()
        return {
            f"{name}_{of}": float(pooled.loc[(of, policy), name])
            for of in options
            for name in ("pnl_sd_bps", "cvar95_bps", "gain_vs_delta")
        }

    log_policies(run.client, run.experiment, evaluation, run.marks, further)
    log_forecasters(run.client, run.experiment, evaluation.tables, run.marks)


def _track_contract(run: Tracked, evaluation: ContractJudgement) -> None:
    datasets = run.datasets
    log_parent(run.client, run.run_id, evaluation, run.folder, run.timings, CONTRACT_TABLES)
    log_inputs(datasets["market"], datasets["signals"])

    def further(policy: str) -> Mapping[str, float]:
        residual = evaluation.explained["residual_of_options"].astype(float).to_dict()
        own = evaluation.path.astype(float).to_dict("index")[policy]
        return {f"path/{name}": value for name, value in own.items()} | {
            "explained/residual_of_options": residual[policy]
        }

    log_policies(run.client, run.experiment, evaluation, run.marks, further)
    log_forecasters(run.client, run.experiment, evaluation.tables, run.marks)


KINDS: Final[Mapping[str, Kind]] = {
    DAILY: Kind(
        (load_tables, assemble, learn_signals, run_backtest),
        _judge_daily,
        market_facts,
        daily_report,
        _track_daily,
    ),
    INTRADAY: Kind(
        (load_days, decision_features, learn_intraday, run_intraday),
        _judge_intraday,
        intraday_facts,
        intraday_report,
        _track_intraday,
    ),
    CHAIN: Kind(
        (chain_files.load_chains, chain_matrix, learn_chain, run_chain),
        _judge_chain,
        chain_facts,
        chain_report,
        _track_chain,
    ),
    CONTRACT: Kind(
        (contract_files.load_contract, contract_matrix, learn_contract, run_contract),
        _judge_contract,
        contract_facts,
        contract_report,
        _track_contract,
    ),
}
"""By the name of the kind, see `domain.desk_file`."""
