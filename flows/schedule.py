"""When a desk decides: after the close of its own exchange."""

import pandas as pd

from pipeline.ingest.calendar import exchange_zone, session_closes, sessions_between
from pipeline.ingest.tables import PUBLICATION_DELAY

ARRIVAL = pd.Timedelta(minutes=15)
"""What the files of a session have to arrive in once they are known."""
LOOKED_AT = pd.Timedelta(days=60)
"""How far back the exchange's usual closing time and weekdays are looked up."""


def daily_schedule(calendar: str, today: pd.Timestamp) -> dict[str, str]:
    """Return the `cron` and the `timezone` of the daily decision: half an hour after the usual close.

    A quarter of an hour until bar and volatility count as known, and one for the files to arrive. Half days
    are decided at the usual time.

    Parameters
    ----------
    calendar : name of the exchange in the package exchange_calendars.
    today : the exchange's hours of the two months before it hold.

    Examples
    --------
    >>> daily_schedule("XNYS", pd.Timestamp("2024-06-03"))
    {'cron': '30 16 * * 1-5', 'timezone': 'America/New_York'}
    """
    sessions = sessions_between(today - LOOKED_AT, today, calendar)
    decided = session_closes(sessions, calendar) + PUBLICATION_DELAY + ARRIVAL
    zone = exchange_zone(calendar)
    local = pd.Series(decided.tz_convert(zone))
    usual = local.dt.strftime("%H:%M").mode()[0]
    hour, minute = (int(part) for part in usual.split(":"))
    weekdays = sorted({(day + 1) % 7 for day in local[local.dt.strftime("%H:%M") == usual].dt.day_of_week})
    days = "1-5" if weekdays == [1, 2, 3, 4, 5] else ",".join(str(day) for day in weekdays)
    return {"cron": f"{minute} {hour} * * {days}", "timezone": zone.key}
