"""The champions of a desk as a live loop takes them: as they are, and when they change."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import pandas as pd

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import hedged, load_any
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.file_lock import file_lock
from pipeline.live.learned import Learned
from pipeline.policies.base import Policy
from pipeline.policies.live_choice import check_live, followed, live_of, named_live
from pipeline.policies.saved_network import (
    LEARNED,
    hedger_of,
    named_checkpoint,
    saved_network,
    terms_digest,
)
from pipeline.tracking.champions import OFFERED, Champions, load_champions
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, LOCK, aliased
from pipeline.tracking.registry import EXECUTION


def learned_of(champions: Champions, named: str) -> Learned:
    """Return what a desk goes live with; `named` is what the user calls it.

    Raises
    ------
    StoreError
        The champions are not those of a desk within the day, or have no fitted policy, or the network that
        gives the band is damaged, of another desk, or by now another one than the desk file says.
    """
    signals, terms = champions.signals, champions.terms
    if not isinstance(signals, FittedIntraday) or champions.fitted is None or terms is None:
        raise StoreError(f"desk {named} has no champion to go live with: hedge run {named} makes one")
    desk = load_any(named)
    if not isinstance(desk, IntradayDesk):
        raise StoreError(f"desk {named} is not within the day: it does not go live")
    check_live(desk)
    if champions.hedger not in LEARNED and followed(desk) != champions.hedger:
        raise StoreError(f"desk {named} follows the registry's {followed(desk)} by now: start again")
    policy, seen = band_of(champions, desk, live_of(desk))
    assert policy is not None  # one was fitted
    version = named_live(desk, version_of(champions), champions.hedger)
    crossing = desk.costs.crossing if champions.costs.crossing is None else champions.costs.crossing
    return Learned(signals, policy, terms["desk_cost"], version, crossing, seen)


def band_of(
    champions: Champions, desk: Desk | IntradayDesk, policy: str
) -> tuple[Policy | None, pd.Timestamp | None]:
    """Return who gives the band, and the last day or time of the market that its network learned from.

    That is the network of the champions, else that of the desk's file for `policy`, else who was fitted.

    Raises
    ------
    StoreError
        The network was trained for another desk, or its file is not what its name says.
    """
    terms = terms_digest(desk)
    if champions.network is not None:
        found = champions.network.of_desk(terms)
        return hedger_of(found, champions.hedger), found.seen_until
    if policy in desk.policies.networks:
        return saved_network(hedged(desk), policy, terms), named_checkpoint(desk, policy)[1].seen_until
    return champions.fitted, None


def version_of(champions: Champions) -> str:
    """Return the versions of all champions in one line."""
    return ", ".join(f"{card.name} {card.version}" for card in champions.cards)


def sets_of(waiting: Collection[str], hedger: str) -> list[tuple[list[str], str]]:
    """Return the models whose challengers are judged together, then each judged alone, with whose band.

    All that the desk decides with are judged together, and where there are several each alone too. A network
    of another policy than `hedger` is judged alone: nothing is decided with it yet.

    Examples
    --------
    >>> sets_of(["regime_detector", "network_band"], "regime_switched")
    [(['regime_detector'], 'regime_switched'), (['network_band'], 'network_band')]
    >>> len(sets_of(["regime_detector", "network_band"], "network_band"))
    3
    """
    together = [model for model in dict.fromkeys((*OFFERED, hedger)) if model in waiting]
    alone = together if len(together) > 1 else []
    networks = [model for model in LEARNED if model in waiting and model != hedger]
    one = [([model], model if model in LEARNED else hedger) for model in (*alone, *networks)]
    return [(together, hedger), *one] if together else one


def challengers_of(mlruns: Path, desk: str, named: str, model: str | None, hedger: str) -> Champions | None:
    """Return the models of a desk with its challengers in the place of its champions; None without any.

    With `model` its challenger alone. `hedger` is the policy that gives the band, see `sets_of`.
    """
    waiting = challenging(mlruns, desk)
    wanted = None if model is None else {model}
    for models, band in sets_of(waiting if wanted is None else waiting & wanted, hedger):
        if wanted is not None or band == hedger:
            return load_champions(mlruns, desk, named, models, band)
    return None


def challenging(mlruns: Path, desk: str) -> set[str]:
    """Return the models of a desk that have a challenger."""
    return {name.rpartition(".")[2] for name in aliased(connect(mlruns), desk, CHALLENGER)}


class RegistrySource:
    """See `live.adopting.ModelSource`.

    Attributes
    ----------
    champions : those that were returned last.
    """

    def __init__(self, mlruns: Path, desk: str, named: str, champions: Champions) -> None:
        self._mlruns, self._desk, self._named = mlruns, desk, named
        self.champions = champions
        self._known = {f"{desk}.{EXECUTION}": ""} | {card.name: card.version for card in champions.cards}

    def newer(self) -> Learned | None:
        """Return the champions if others are named than were returned last, and can be loaded."""
        client = connect(self._mlruns)
        with file_lock(self._mlruns / LOCK):
            aliases = aliased(client, self._desk, CHAMPION)
            named = {model: aliases.get(model, "") for model in self._known}
            if named == self._known:
                return None
            hedger = self.champions.hedger
            champions = load_champions(self._mlruns, self._desk, self._named, hedger=hedger)
        learned = learned_of(champions, self._named)
        self._known, self.champions = named, champions
        return learned


class ChallengerRegistry:
    """Who challenges the champions of a desk; `hedger` is the policy of theirs that gives the band."""

    def __init__(self, mlruns: Path, desk: str, named: str, hedger: str) -> None:
        self._mlruns, self._desk, self._named, self._hedger = mlruns, desk, named, hedger
        self._known: dict[str, str] = {}

    def newer(self) -> Sequence[Callable[[], Champions]] | None:
        """Return what loads the challengers, if others challenge than at the last call.

        That is the models with all of them in their place and, where there are several, with each alone: who
        promotes one has evidence of that one; see `sets_of`.
        """
        waiting = aliased(connect(self._mlruns), self._desk, CHALLENGER)
        if waiting == self._known:
            return None
        self._known = waiting
        sets = sets_of({name.rpartition(".")[2] for name in waiting}, self._hedger)
        return [partial(self._loaded, *each) for each in sets] or None

    def _loaded(self, models: Sequence[str], hedger: str) -> Champions:
        with file_lock(self._mlruns / LOCK):
            return load_champions(self._mlruns, self._desk, self._named, models, hedger)

    def forget(self) -> None:
        """Take it that nobody challenged before."""
        self._known = {}
