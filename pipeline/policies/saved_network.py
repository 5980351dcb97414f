"""The trained network that a desk names: a file known by its content, trained for that desk."""

import hashlib
from pathlib import Path
from typing import Final

from pipeline.domain.desk import Desk
from pipeline.domain.errors import StoreError
from pipeline.domain.home import Home
from pipeline.ingest.content import content_digest
from pipeline.policies.checkpoint import Checkpoint
from pipeline.policies.network_band import NetworkBand

FOLDER: Final = "networks"
DIGITS: Final = 12


def terms_digest(desk: Desk) -> str:
    """Return a hash of what a network is trained for: the option, the costs and the risk measure."""
    return content_digest([desk.option, desk.costs, desk.risk])


def content_name(desk: str, content: bytes) -> str:
    """Return the name of a network's file: it changes with the content, and so do results that read it.

    Examples
    --------
    >>> content_name("spx-daily", b"weights")
    'spx-daily-9a129038d9a0.npz'
    """
    return f"{desk}-{hashlib.sha256(content).hexdigest()[:DIGITS]}.npz"


def saved_network(desk: Desk) -> NetworkBand:
    """Return the network of `policies.network`, a file under `data/networks`; the untrained one if empty.

    Raises
    ------
    StoreError
        The file is missing, damaged, not what its name says, or of another desk or version.
    """
    name = desk.policies.network
    if not name:
        return NetworkBand()
    path = networks(Home.find()) / name
    found = Checkpoint.read(path)
    if content_name("", path.read_bytes()).removeprefix("-") not in name:
        raise StoreError(f"{path}: its content is not what its name says: hedge train --policy makes it anew")
    return found.of_desk(terms_digest(desk)).policy()


def networks(home: Home) -> Path:
    """Return the folder of the trained networks."""
    return home.data / FOLDER
