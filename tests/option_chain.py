"""A chain that is made, not copied: Black's prices on a known surface, with a spread around them."""

import numpy as np
import pandas as pd

from pipeline.ingest.settlement_time import settlement_times
from pipeline.pricing import black
from pipeline.pricing.svi import SviSlice

RATE, CARRY = 0.02, 0.005
YEAR_SECONDS = 365.0 * 86_400.0


def surface(time):
    """The slice of an expiry: total variance rises with time at every strike."""
    return SviSlice(0.01 * time, 0.1 * np.sqrt(time) * np.sqrt(0.1), -0.5, 0.02, 0.1)


def chain(day, spot=100.0, expiries=("06-07", "06-21", "07-19", "08-16", "10-18"), strikes=None, spread=0.02):
    """Rows of `option_quotes` of one day: SPX (settled at the open) on third Fridays, else SPXW."""
    strikes = spot * np.linspace(0.8, 1.2, 41) if strikes is None else np.asarray(strikes)
    event = pd.Timestamp(f"{day} 20:00", tz="UTC")
    parts = []
    for named in expiries:
        expiry = pd.Timestamp(f"{day[:4]}-{named}")
        at_open = 15 <= expiry.day <= 21
        settles = settlement_times([expiry], [at_open])[0]
        time = (settles - event).total_seconds() / YEAR_SECONDS
        if time <= 0.0:
            continue
        forward = spot * np.exp(CARRY * time)
        vol = surface(time).vol(np.log(strikes / forward), time)
        for right, name in ((1, "call"), (-1, "put")):
            mid = black.price(name, forward, strikes, time, vol, RATE)
            half = 0.5 * spread
            parts.append(
                pd.DataFrame(
                    {
                        "event_time": event,
                        "known_time": event + pd.Timedelta(minutes=15),
                        "underlying": "SPX",
                        "root": "SPX" if at_open else "SPXW",
                        "expiry": expiry.date(),
                        "settlement": "am" if at_open else "pm",
                        "exercise": "european",
                        "right": np.int8(right),
                        "strike": strikes,
                        "bid": np.where(mid > 2.0 * half, mid - half, 0.0),
                        "ask": mid + half,
                        "underlying_price": spot,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
