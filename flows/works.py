"""What each stage derives for each kind of desk: the function, its inputs and its parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

from pipeline.backtest.chain_comparison import run_chain
from pipeline.backtest.chain_signals import learn_chain
from pipeline.backtest.comparison import run_backtest
from pipeline.backtest.contract_comparison import run_contract
from pipeline.backtest.contract_signals import learn_contract
from pipeline.backtest.intraday_comparison import run_intraday
from pipeline.backtest.intraday_signals import learn_intraday
from pipeline.backtest.signals import learn_signals
from pipeline.domain.desk_file import CHAIN, CONTRACT, DAILY, INTRADAY, AnyDesk, kind_of
from pipeline.features.assemble import assemble, assemble_with_records
from pipeline.features.chain_matrix import chain_matrix
from pipeline.features.contract_marks import contract_matrix
from pipeline.features.decision_grid import decision_features
from pipeline.ingest import chain_files, contract_files, market_days
from pipeline.ingest.record_files import records_content
from pipeline.ingest.sources import content_of, load_tables
from pipeline.ingest.store import Dataset, Output


@dataclass(frozen=True)
class Work:
    """One dataset to derive; see `DatasetStore.derive`."""

    name: str
    build: Callable[..., Output]
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    pieces: bool = False


class Works(Protocol):
    """The stages of one kind of desk."""

    def market(self, desk: Any) -> Work:
        """Read the data."""

    def matrix(self, desk: Any, market: str) -> Work:
        """Compute the features of the dataset `market`."""

    def signals(self, desk: Any, market: str, matrix: str) -> Work:
        """Learn regimes and forecasts."""

    def results(self, desk: Any, signals: str, held: str | None) -> Work:
        """Hedge every episode; `held` is the dataset of the options that the desk holds, if it names any."""

    def newest(self, market: Dataset) -> date:
        """Return the last day of the data."""


class _Daily:
    def market(self, desk: Any) -> Work:
        return Work("market", load_tables, {}, {"data": desk.data, "content": content_of(desk.data)})

    def matrix(self, desk: Any, market: str) -> Work:
        tables = {table: f"{market}/{table}" for table in desk.data.tables}
        kinds = list(desk.data.alternative.given)
        if not desk.data.records:
            return Work("features", assemble, tables, {})
        learned = {"kinds": kinds, "learn_before": desk.windows.signals_start, "seed": desk.seed}
        learned["own"] = desk.data.own
        return Work("features", assemble_with_records, tables, learned)

    def signals(self, desk: Any, market: str, matrix: str) -> Work:
        sources = {"market": market, "features": matrix}
        return Work("signals", learn_signals, sources, {"desk": desk.for_signals()}, pieces=True)

    def results(self, desk: Any, signals: str, held: str | None) -> Work:
        sources = {"signals": signals} | ({} if held is None else {"positions": held})
        return Work("backtest", run_backtest, sources, {"desk": desk}, pieces=True)

    def newest(self, market: Dataset) -> date:
        day: date = market["bars"]["session"].iloc[-1].date()
        return day


class _Intraday:
    def market(self, desk: Any) -> Work:
        content = market_days.content_of(desk.data)
        parameters = {"data": desk.data, "zone": desk.grid.zone, "content": content}
        if given := desk.data.records:
            parameters["records"] = records_content(given)
        return Work("market", market_days.load_days, {}, parameters, pieces=True)

    def matrix(self, desk: Any, market: str) -> Work:
        parameters = {"desk": desk.for_grid()}
        return Work("features", decision_features, {"market": market}, parameters, pieces=True)

    def signals(self, desk: Any, market: str, matrix: str) -> Work:
        parameters = {"desk": desk.for_signals()}
        return Work("signals", learn_intraday, {"features": matrix}, parameters, pieces=True)

    def results(self, desk: Any, signals: str, held: str | None) -> Work:
        return Work("backtest", run_intraday, {"signals": signals}, {"desk": desk}, pieces=True)

    def newest(self, market: Dataset) -> date:
        return date.fromisoformat(market[market_days.DAYS]["day"].max())


class _Chain:
    def market(self, desk: Any) -> Work:
        parameters = {"data": desk.data, "content": chain_files.content_of(desk.data)}
        return Work("market", chain_files.load_chains, {}, parameters, pieces=True)

    def matrix(self, desk: Any, market: str) -> Work:
        parameters = {"underlying": desk.data.underlying}
        return Work("features", chain_matrix, {"market": market}, parameters, pieces=True)

    def signals(self, desk: Any, market: str, matrix: str) -> Work:
        sources = {"market": market, "features": matrix}
        return Work("signals", learn_chain, sources, {"desk": desk.for_signals()}, pieces=True)

    def results(self, desk: Any, signals: str, held: str | None) -> Work:
        return Work("backtest", run_chain, {"signals": signals}, {"desk": desk}, pieces=True)

    def newest(self, market: Dataset) -> date:
        day: date = market[chain_files.DAYS]["day"].max().date()
        return day


class _Contract:
    def market(self, desk: Any) -> Work:
        parameters = {"data": desk.data, "content": contract_files.content_of(desk.data)}
        return Work("market", contract_files.load_contract, {}, parameters)

    def matrix(self, desk: Any, market: str) -> Work:
        return Work("features", contract_matrix, {"market": market}, {"desk": desk.for_marks()})

    def signals(self, desk: Any, market: str, matrix: str) -> Work:
        sources = {"market": market, "features": matrix}
        return Work("signals", learn_contract, sources, {"desk": desk.for_signals()}, pieces=True)

    def results(self, desk: Any, signals: str, held: str | None) -> Work:
        return Work("backtest", run_contract, {"signals": signals}, {"desk": desk}, pieces=True)

    def newest(self, market: Dataset) -> date:
        day: date = market[contract_files.QUOTES]["event_time"].max().date()
        return day


WORKS: Final[Mapping[str, Works]] = {
    DAILY: _Daily(),
    INTRADAY: _Intraday(),
    CHAIN: _Chain(),
    CONTRACT: _Contract(),
}
"""By the name of the kind, see `domain.desk_file`."""


def works_of(desk: AnyDesk) -> Works:
    """Return the stages of a desk's kind."""
    return WORKS[kind_of(desk)]
