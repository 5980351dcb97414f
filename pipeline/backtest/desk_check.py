"""The whole check of a desk before anything runs: settings, and the names of policies and features."""

from collections.abc import Mapping

from pipeline.domain.data_settings import FilesData, SampleData
from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.desk_file import AnyDesk, load_any
from pipeline.domain.errors import SettingsError
from pipeline.domain.intraday_desk import IntradayDesk
from pipeline.domain.naming import hint
from pipeline.features.alternative import KINDS, alternative_names
from pipeline.features.catalogue import catalogue
from pipeline.features.own import OWN_NAMES
from pipeline.ingest.formats.catalogue import formats
from pipeline.ingest.tables import REALIZED_NAMES, VOL_INDEX_NAMES
from pipeline.policies.catalogue import desk_policies
from pipeline.policies.learns import check_learns
from pipeline.policies.live_choice import check_live


def checked_any(desk: str) -> AnyDesk:
    """Read a desk of any kind and check every name in it that can be checked without its data.

    Examples
    --------
    >>> checked_any("bac-intraday").option.steps
    60
    """
    settings = load_any(desk)
    if isinstance(settings, Desk):
        return checked_desk(desk)
    try:
        desk_policies(settings)
        check_learns(settings)
        if isinstance(settings, IntradayDesk):
            check_live(settings)
        if (
            isinstance(settings, IntradayDesk)
            and settings.data.format
            and settings.data.format not in formats()
        ):
            near = hint(settings.data.format, formats())
            raise SettingsError(f"data.format names the unknown format {settings.data.format}; {near}")
    except SettingsError as error:
        raise SettingsError(f"{desk}: {error}") from None
    return settings


def checked_desk(desk: str) -> Desk:
    """Read a daily desk, a shipped name or a path, and check every name in it.

    Raises
    ------
    SettingsError
        A setting is wrong, or a policy or feature does not exist; the message names the file and the key.

    Examples
    --------
    >>> checked_desk("spx-daily").option.kind
    'call'
    """
    settings = load_desk(desk)
    features = {feature.name: feature.inputs for feature in catalogue()}
    features |= {name: (kind,) for kind in KINDS for name in alternative_names([kind])}
    features |= dict.fromkeys(OWN_NAMES, ("own records",))
    for key, names in _named(settings).items():
        for name in names:
            if name not in features:
                near = hint(name, features)
                raise SettingsError(f"{desk}: {key} names the unknown feature {name}; {near}")
    try:
        _check_columns(settings, features)
        desk_policies(settings)
        check_learns(settings)
    except SettingsError as error:
        raise SettingsError(f"{desk}: {error}") from None
    return settings


def _check_columns(desk: Desk, features: Mapping[str, tuple[str, ...]]) -> None:
    """Raise where the data lacks a column without which a chosen feature has no value."""
    absent = _absent(desk.data) | {
        kind: f"set data.alternative.{kind}, or choose another feature"
        for kind in KINDS
        if kind not in desk.data.alternative.given
    }
    if not desk.data.own.given:
        absent["own records"] = "set data.own.positions or data.own.fills, or choose another feature"
    for key, names in _named(desk).items():
        for feature in names:
            for column in set(features[feature]) & set(absent):
                raise SettingsError(f"{key} names {feature}, which needs the {column}: {absent[column]}")


def _named(desk: Desk) -> dict[str, tuple[str, ...]]:
    """Return the features that a desk names, by the key that names them."""
    return {"regimes.features": desk.regimes.features, "forecasts.further": desk.forecasts.further}


def _absent(data: SampleData | FilesData) -> dict[str, str]:
    """Return the inputs of features that the data does not give, and what to do about each."""
    if isinstance(data, SampleData):
        elsewhere = (*VOL_INDEX_NAMES, *REALIZED_NAMES)
        return dict.fromkeys(elsewhere, "only data of the source files has it: choose another feature")
    columns = {
        column: f"set data.bars.columns.{column}, or choose a feature of closes such as return_1d"
        for column, name in data.bars.columns
        if name is None
    }
    indices = {
        name: f"set data.vol_indices.{name}, or choose another feature"
        for name in VOL_INDEX_NAMES
        if name not in data.vol_indices.given
    }
    named = {} if data.realized is None else dict(data.realized.columns)
    measures = {
        name: f"set data.realized.columns.{name}, or choose another feature"
        for name in REALIZED_NAMES
        if named.get(name) is None
    }
    return columns | indices | measures
