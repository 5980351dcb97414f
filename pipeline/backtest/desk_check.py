"""The whole check of a desk before anything runs: settings, and the names of policies and features."""

from pipeline.domain.desk import Desk, load_desk
from pipeline.domain.errors import SettingsError
from pipeline.domain.naming import hint
from pipeline.features.catalogue import catalogue
from pipeline.policies.catalogue import desk_policies


def checked_desk(desk: str) -> Desk:
    """Read a desk, a shipped name or a path, and check every name in it.

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
    features = [feature.name for feature in catalogue()]
    for name in settings.regimes.features:
        if name not in features:
            near = hint(name, features)
            raise SettingsError(f"{desk}: regimes.features names the unknown feature {name}; {near}")
    try:
        desk_policies(settings)
    except SettingsError as error:
        raise SettingsError(f"{desk}: {error}") from None
    return settings
