"""Which network of a learned policy serves when: one file for all days, or files by their first day."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeVar

import pandas as pd

from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk
from pipeline.domain.errors import SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.policies.base import Policy
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.checkpoint import GOES_ON, MARKET, REACHED, UNTRAINED, Checkpoint
from pipeline.policies.saved_network import LEARNED, networks

Of = TypeVar("Of", Desk, IntradayDesk, ChainDesk, ContractDesk)
COLUMNS: Final = (
    "policy", "first", "network", "goes_on", "steps", "risk_untrained", "risk_before", "risk_after",
    "volatility_low", "volatility_high", "ratio_calm", "ratio_wild", "stays_calm", "stays_wild",
)  # fmt: skip


def served_on(desk: Of, day: date) -> Of:
    """Return the desk with the networks that serve on a day, one file for each policy.

    Raises
    ------
    SettingsError
        All files of a policy serve later.

    Examples
    --------
    >>> files = {date(2016, 1, 4): "a.npz", date(2016, 7, 1): "b.npz"}
    >>> desk = Desk(name="x", policies={"run": ["network_band"], "networks": {"network_band": files}})
    >>> served_on(desk, date(2016, 7, 1)).policies.networks
    {'network_band': 'b.npz'}
    """
    files = {policy: _serving(policy, files, day) for policy, files in desk.policies.networks.items()}
    return desk.model_copy(update={"policies": desk.policies.model_copy(update={"networks": files})})


def policies_on(desk: Of, day: date, start: pd.Timestamp) -> dict[str, Policy]:
    """Return a desk's unfitted hedgers with the networks that serve from a session or time on.

    Parameters
    ----------
    day, start : of the first row that they hedge.

    Raises
    ------
    SettingsError
        As `served_on` and `catalogue.desk_policies`.
    StoreError
        A network learned from that row or later ones.
    """
    serving = served_on(desk, day)
    for policy, file in serving.policies.networks.items():
        seen = Checkpoint.read(networks(Home.find()) / str(file)).seen_until
        if seen is not None and seen >= start:
            raise StoreError(
                f"{file}: {policy} learned from the market until {seen}, it would hedge from {start} on with "
                "what it knows of later: name one that learned before the test, or give it by its first day"
            )
    return desk_policies(serving)


def _serving(policy: str, files: str | Mapping[date, str], day: date) -> str:
    if isinstance(files, str):
        return files
    known = [first for first in files if first <= day]
    if not known:
        raise SettingsError(
            f"policies.networks: no network of {policy} serves on {day}, the first serves from {min(files)}: "
            "give one that serves earlier"
        )
    return files[max(known)]


def network_table(desk: Of, days: Sequence[date]) -> pd.DataFrame:
    """Return which network serves from which of the days on, one row a policy and network.

    Parameters
    ----------
    days : first days of the test windows.

    Returns
    -------
    `COLUMNS`: the `first` day; whether training went on from another network (`goes_on`), its `steps` and the
    validation risk, money, untrained, before the steps and of what was kept; the range of annual volatilities
    that it learned in and, of a policy that reads paths, ratios and daily probabilities of staying of the
    regimes. NaN where the file does not say. No row of an untrained policy.
    """
    rows = []
    for policy in desk.policies.networks:
        last = ""
        for day in days:
            file = str(served_on(desk, day).policies.networks[policy])
            if file != last:
                served = {"policy": policy, "first": pd.Timestamp(day), "network": file}
                rows.append(served | _told(policy, file))
            last = file
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _told(policy: str, file: str) -> dict[str, Any]:
    facts = Checkpoint.read(networks(Home.find()) / file).facts
    history, market = facts.get("history") or [(0, float("nan"))], facts.get(MARKET, {})
    told = {
        "goes_on": bool(facts.get(GOES_ON, False)),
        "steps": float(history[-1][0]),
        "risk_untrained": float(facts.get(UNTRAINED, float("nan"))),
        "risk_before": float(history[0][1]),
        "risk_after": float(facts.get(REACHED, history[-1][1])),
    }
    if market:
        told |= dict(zip(COLUMNS[-6:-4], market["volatility"], strict=True))
    if market and getattr(LEARNED[policy], "reads_path", False):
        told |= dict(zip(COLUMNS[-4:-2], market["ratio"], strict=True))
        told |= {name: market["moves"][k][k] for k, name in enumerate(COLUMNS[-2:])}
    return told
