"""The champions of a desk as a live loop takes them: as they are, and when they change."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pipeline.backtest.intraday_stream import FittedIntraday
from pipeline.domain.desk_file import load_any
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.ingest.file_lock import file_lock
from pipeline.live.learned import Learned
from pipeline.policies.live_choice import named_live, policy_live, seen_live
from pipeline.tracking.champions import OFFERED, Champions, load_champions
from pipeline.tracking.database import connect
from pipeline.tracking.promotion import CHALLENGER, CHAMPION, LOCK, aliased
from pipeline.tracking.registry import EXECUTION


def learned_of(champions: Champions, named: str) -> Learned:
    """Return what a desk goes live with; `named` is what the user calls it.

    Raises
    ------
    StoreError
        The champions are not those of a desk within the day, or have no flagship, or the network of
        `policies.live` is not what its name says or of another desk.
    """
    signals, flagship, terms = champions.signals, champions.flagship, champions.terms
    if not isinstance(signals, FittedIntraday) or flagship is None or terms is None:
        raise StoreError(f"desk {named} has no champion to go live with: hedge run {named} makes one")
    desk = load_any(named)
    if not isinstance(desk, IntradayDesk):
        raise StoreError(f"desk {named} is not within the day: it does not go live")
    policy = policy_live(desk, flagship)
    version = named_live(desk, version_of(champions))
    crossing = desk.costs.crossing if champions.costs.crossing is None else champions.costs.crossing
    return Learned(signals, policy, terms["desk_cost"], version, crossing, seen_live(desk))


def version_of(champions: Champions) -> str:
    """Return the versions of all champions in one line."""
    return ", ".join(f"{card.name} {card.version}" for card in champions.cards)


def challengers_of(mlruns: Path, desk: str, named: str, model: str | None = None) -> Champions | None:
    """Return the models of a desk with its challengers in the place of its champions; None without any.

    With `model` its challenger alone.
    """
    waiting = {name.rpartition(".")[2] for name in aliased(connect(mlruns), desk, CHALLENGER)}
    chosen = waiting if model is None else waiting & {model}
    return load_champions(mlruns, desk, named, chosen) if chosen else None


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
        """Return the champions if others are named since it was asked last; a failure is raised once."""
        client = connect(self._mlruns)
        with file_lock(self._mlruns / LOCK):
            aliases = aliased(client, self._desk, CHAMPION)
            named = {model: aliases.get(model, "") for model in self._known}
            if named == self._known:
                return None
            self._known = named
            champions = load_champions(self._mlruns, self._desk, self._named)
        learned = learned_of(champions, self._named)
        self.champions = champions
        return learned


class ChallengerRegistry:
    """Who challenges the champions of a desk."""

    def __init__(self, mlruns: Path, desk: str, named: str) -> None:
        self._mlruns, self._desk, self._named = mlruns, desk, named
        self._known: dict[str, str] = {}

    def newer(self) -> Sequence[Callable[[], Champions]] | None:
        """Return what loads the challengers, if others challenge than at the last call.

        That is the models with all of them in their place and, where there are several, with each alone: who
        promotes one has evidence of that one.
        """
        waiting = aliased(connect(self._mlruns), self._desk, CHALLENGER)
        if waiting == self._known:
            return None
        self._known = waiting
        models = [model for model in OFFERED if f"{self._desk}.{model}" in waiting]
        sets = [models, *([each] for each in models if len(models) > 1)]
        return [partial(self._loaded, each) for each in sets if each] or None

    def _loaded(self, models: Sequence[str]) -> Champions:
        with file_lock(self._mlruns / LOCK):
            return load_champions(self._mlruns, self._desk, self._named, models)

    def forget(self) -> None:
        """Take it that nobody challenged before."""
        self._known = {}
