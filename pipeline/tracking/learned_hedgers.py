"""The hedgers that learned, of those that a desk runs: of the files it names, else of the registry."""

from pathlib import Path

from mlflow import MlflowClient

from pipeline.domain.desk import Desk
from pipeline.domain.desk_file import hedged
from pipeline.domain.errors import StoreError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.policies.base import reads_path
from pipeline.policies.checkpoint import Checkpoint, Learned
from pipeline.policies.saved_network import LEARNED, hedger_of, saved_network, terms_digest
from pipeline.tracking.database import connect
from pipeline.tracking.registry import champion, files_of

READS_PATH = "{policy} is left out: it reads its path since the deal, and a decision looks at today"


def learned_hedgers(mlruns: Path, desk: Desk | IntradayDesk) -> tuple[dict[str, Learned], list[str]]:
    """Return the trained hedgers that can be asked at one decision time, and why the others cannot.

    Parameters
    ----------
    mlruns : where champions are registered.
    desk : those of its `policies.run` that learn are meant.

    Returns
    -------
    Hedgers by name, and a sentence for each that is left out: it has no champion, was trained for other
    terms, or reads paths.

    Raises
    ------
    StoreError
        A file that the desk names is missing, damaged, or of another policy, desk or version.
    """
    client = connect(mlruns)
    found: dict[str, Learned] = {}
    left_out = []
    for policy in (name for name in desk.policies.run if name in LEARNED):
        if reads_path(LEARNED[policy]):
            left_out.append(READS_PATH.format(policy=policy))
            continue
        try:
            named = policy in desk.policies.networks
            found[policy] = (
                saved_network(hedged(desk), policy, terms_digest(desk))
                if named
                else champion_hedger(client, desk, policy)
            )
        except StoreError as why:
            if named:
                raise
            left_out.append(f"{policy} is left out: {why}")
    return found, left_out


def champion_hedger(client: MlflowClient, desk: Desk | IntradayDesk, policy: str) -> Learned:
    """Return the champion of a policy that learned.

    Raises
    ------
    StoreError
        There is none, or it was trained for other terms.
    """
    version = champion(client, f"{desk.name}.{policy}")
    if version is None:
        raise StoreError("it has no champion: hedge train --policy makes one where it gains anything")
    return hedger_of(Checkpoint.read(files_of(version)["network"]).of_desk(terms_digest(desk)), policy)
