"""URLs that may be written down: desk files, reports, logs and error messages name them."""

import re
from typing import Annotated, Final
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator

PASSWORD: Final = re.compile(r"[^/]*//[^/@]*:[^/@]+@")
SECRETS: Final = re.compile(
    r"(?i)(api|access|secret)[-_]?key|(ssl)?password|secret|sig(nature)?|(.*[-_])?token"
)
"""Names of parameters whose values nobody else may read."""


class SecretError(ValueError):
    """What was given holds a secret: nobody repeats it."""


def public_url(told: str) -> str:
    """Return a path or URL that holds no secret.

    Raises
    ------
    SecretError
        It holds a password, or a parameter that is named like a secret.

    Examples
    --------
    >>> public_url("s3://desk/ticks"), public_url("postgresql://reader@db/desk"), public_url("fills.csv")
    ('s3://desk/ticks', 'postgresql://reader@db/desk', 'fills.csv')
    >>> public_url("https://data.example/ticks?token=abc")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    pipeline.domain.public_url.SecretError: the URL holds a secret (token), and is written into ...
    """
    held = "a password" if PASSWORD.match(told) else ""
    if "://" in told and not held:
        named = [name for name in parse_qs(urlsplit(told).query) if SECRETS.fullmatch(name)]
        held = f"a secret ({', '.join(named)})" if named else ""
    if held:
        raise SecretError(
            f"the URL holds {held}, and is written into reports and logs: leave it out and give it as the "
            "client of that server takes it: a variable, such as PGPASSWORD or AWS_PROFILE, or its own file"
        )
    return told


PublicUrl = Annotated[str, AfterValidator(public_url)]
"""A path or URL in a desk file."""
