"""The trained networks that a desk names: files known by their content, trained for that desk."""

import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.domain.chain_desk import ChainDesk
from pipeline.domain.contract_desk import ContractDesk
from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import AnyDesk, hedged, kind_of
from pipeline.domain.errors import PolicyError, SettingsError, StoreError
from pipeline.domain.home import Home
from pipeline.domain.intraday_desk import IntradayCosts, IntradayDesk, LatencySettings, instant
from pipeline.domain.naming import hint
from pipeline.ingest.content import content_digest
from pipeline.policies.agent_band import PpoBand, SacBand
from pipeline.policies.checkpoint import POLICY, Checkpoint, Learned
from pipeline.policies.learns import LEARNS
from pipeline.policies.network_band import NetworkBand
from pipeline.policies.network_position import NetworkPosition, RecurrentPosition
from pipeline.policies.network_slope import NetworkSlope
from pipeline.policies.recurrent_band import RecurrentBand

FOLDER: Final = "networks"
DIGITS: Final = 12
DEEP: Final = (NetworkBand, RecurrentBand, NetworkPosition, RecurrentPosition, NetworkSlope)
LEARNED: Final[Mapping[str, type[Learned]]] = {kind.name: kind for kind in (*DEEP, PpoBand, SacBand)}
"""Policies that `hedge train --policy` trains."""
EXTRAS: Final = {"deep": tuple(kind.name for kind in DEEP), "rl": (PpoBand.name, SacBand.name)}
"""Those that each extra trains."""
LEARNED_UNDER: Final = "every hedger learns under frictions"
"""Tells networks of a desk with frictions from those that learned at its constant cost."""


def terms_digest(settings: AnyDesk) -> str:
    """Return a hash of what a network is trained for: option, costs, risk measure, and frictions if any.

    Of a desk within the day, on whose stored days it learns, also the grid, how orders are filled, and what
    regimes and forecasts are: what the network sees. Latency and `costs.crossing` are not among them, which
    own fills teach (`execution.own_costs`): what is learned of these outdates no network. Of a desk on option
    chains also their underlying, of one on a contract which it is, and what options it learns on.
    """
    if isinstance(settings, IntradayDesk):
        told = settings.executed(LatencySettings(), IntradayCosts().crossing)
        seen = (told.grid, told.hedge, told.regimes.unmapped(), told.forecasts)
        return content_digest([told.option, told.costs, told.risk, *seen])
    if isinstance(settings, ChainDesk):
        return content_digest([settings.option, settings.costs, settings.risk, settings.data.underlying])
    if isinstance(settings, ContractDesk):
        own = (settings.option, settings.training, settings.costs, settings.risk)
        return content_digest([*own, settings.data.contract])
    desk = hedged(settings)
    execution, delay = desk.execution, desk.hedge.delay_sessions
    frictions = [LEARNED_UNDER, execution, delay] if execution.impact or delay else []
    return content_digest([desk.option, desk.costs, desk.risk, *frictions])


def content_name(desk: str, policy: str, content: bytes) -> str:
    """Return the name of a network's file: it changes with the content, and so do results that read it.

    Examples
    --------
    >>> content_name("spx-daily", "ppo_band", b"weights")
    'spx-daily-ppo_band-9a129038d9a0.npz'
    """
    return f"{desk}-{policy}-{_content(content)}.npz"


def saved_network(desk: Desk, policy: str, terms: str = "") -> Learned:
    """Return a learned policy with its network of `policies.networks`; untrained if the desk names none.

    Of several it is the newest, see `served_networks`. `terms` are what it has to be trained for
    (`terms_digest`), empty those of `desk`.

    Raises
    ------
    StoreError
        The file is missing, damaged, not what its name says, or of another policy, desk or version.
    """
    if policy not in desk.policies.networks:
        return LEARNED[policy]()
    path, found = named_checkpoint(desk, policy)
    if _content(path.read_bytes()) not in path.name:
        raise StoreError(f"{path}: its content is not what its name says: hedge train --policy makes it anew")
    try:
        return hedger_of(found.of_desk(terms or terms_digest(desk)), policy)
    except (PolicyError, StoreError) as why:
        raise StoreError(f"{path}: {why}") from why


def named_checkpoint(desk: Desk | IntradayDesk, policy: str) -> tuple[Path, Checkpoint]:
    """Return the newest file that `policies.networks` names for a policy, and what it holds.

    Raises
    ------
    StoreError
        It is missing, damaged, or of another version.
    """
    path = networks(Home.find()) / newest_of(desk.policies.networks[policy])
    return path, Checkpoint.read(path)


def newest_of(files: str | Mapping[date, str]) -> str:
    """Return the file, of several by first day the last."""
    return files if isinstance(files, str) else files[max(files)]


def hedger_of(checkpoint: Checkpoint, policy: str) -> Learned:
    """Return what a checkpoint holds as the policy that it was trained as.

    Raises
    ------
    StoreError
        It was trained as another one.
    """
    learned = checkpoint.policy()
    teacher = checkpoint.facts.get(POLICY, learned.name)
    if teacher != policy:
        raise StoreError(f"trained as {teacher}, named for {policy}: name another file")
    return LEARNED[policy](**{each.name: getattr(learned, each.name) for each in fields(learned)})


def check_names(desk: Desk) -> None:
    """Refuse networks and trainings of policies that do not learn.

    Raises
    ------
    SettingsError
        Naming the nearest policy that does.
    """
    for key in ("networks", "train"):
        for policy in getattr(desk.policies, key):
            if policy not in LEARNED:
                raise SettingsError(
                    f"policies.{key} names {policy}, which learns no network; {hint(policy, LEARNED)}"
                )


def with_networks(desk: AnyDesk, files: Mapping[str, Mapping[date, str]]) -> AnyDesk:
    """Return the desk with files of some policies by first day, in the place of a file or of a training."""
    networks = desk.policies.networks | {policy: dict(each) for policy, each in files.items()}
    train = {policy: plan for policy, plan in desk.policies.train.items() if policy not in files}
    named = desk.policies.model_copy(update={"networks": networks, "train": train})
    return desk.model_copy(update={"policies": named})


def keep_network(home: Home, desk: str, policy: str, content: bytes) -> Path:
    """Write a trained network under the name that its content gives it, and return the file."""
    file = networks(home) / content_name(desk, policy, content)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(content)
    part.replace(file)
    return file


def with_learned(desk: AnyDesk, extras: Sequence[str], called: str = "") -> AnyDesk:
    """Return the desk with the hedgers that were trained for it, of each the newest network that gained.

    Parameters
    ----------
    extras : of `EXTRAS`, whose policies are added to `policies.run` where the desk does not name them; those
        that the desk's run trains itself need no network yet.
    called : what the user calls the desk, a path perhaps; else its name.

    Raises
    ------
    SettingsError
        No such extra, or nothing of it was trained for this desk or all to no gain.
    """
    run, named = list(desk.policies.run), dict(desk.policies.networks)
    own = {*named, *desk.policies.train}
    for extra in extras:
        if extra not in EXTRAS:
            raise SettingsError(f"--with {extra}: no such extra; {hint(extra, EXTRAS)}")
        learns = [policy for policy in EXTRAS[extra] if policy in LEARNS[kind_of(desk)]]
        trained = {policy: list(_trained(desk, policy)) for policy in learns if policy not in own}
        gained = {policy: [file for file, gained in files if gained] for policy, files in trained.items()}
        found = {policy: files[0] for policy, files in gained.items() if files}
        if not found and own.isdisjoint(learns):
            raise SettingsError(f"--with {extra}: {_nothing_of(desk, trained, called or desk.name)}")
        named |= found
        run += [policy for policy in learns if policy in named]
    policies = desk.policies.model_copy(update={"run": tuple(dict.fromkeys(run)), "networks": named})
    return desk.model_copy(update={"policies": policies})


def _trained(desk: AnyDesk, policy: str) -> Iterator[tuple[str, bool]]:
    """Yield the files trained for a desk and a policy that saw no tested day, newest first; which gained."""
    start = tested_from(desk)
    files = networks(Home.find()).glob(f"{desk.name}-{policy}-*.npz")
    for path in sorted(files, key=lambda each: each.stat().st_mtime_ns, reverse=True):
        found = Checkpoint.read(path)
        seen = found.seen_until
        if found.desk == terms_digest(desk) and (seen is None or seen < start):
            yield path.name, found.gained


def _nothing_of(desk: AnyDesk, trained: Mapping[str, Sequence[tuple[str, bool]]], called: str) -> str:
    """Return why there is no network to take of some policies, and what to do."""
    vain = [file for files in trained.values() for file, _ in files]
    if vain:
        return (
            f"no training for the desk {desk.name} as it is gained anything: train longer, or name a file in "
            f"policies.networks all the same: {', '.join(vain)}"
        )
    return (
        f"nothing was trained for the desk {desk.name} as it is: "
        f"hedge train {shlex.quote(called)} --policy {next(iter(trained))}"
    )


def tested_from(desk: AnyDesk) -> pd.Timestamp:
    """Return when the test of a desk begins, a session of a daily one, else a time.

    Examples
    --------
    >>> tested_from(Desk(name="x", policies={"run": ()}))
    Timestamp('2016-01-01 00:00:00')
    """
    start = desk.windows.test_start
    return pd.Timestamp(instant(start, desk.zone) if isinstance(desk, IntradayDesk) else start)


def networks(home: Home) -> Path:
    """Return the folder of the trained networks."""
    return home.data / FOLDER


def _content(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
