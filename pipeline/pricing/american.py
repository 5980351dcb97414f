"""American options on a share that pays cash dividends: QuantLib's finite differences (extra `options`)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from pipeline.domain.errors import DataError
from pipeline.domain.instruments import FloatArray, Right

TIME_STEPS: Final = 200
SPACE_STEPS: Final = 400
DAMPING_STEPS: Final = 1
LEAST_VOL, FIRST_VOL, MOST_VOL = 0.01, 0.5, 4.0
"""Volatilities between which an implied one is looked for."""
CERTAINTY: Final = 1e-6
"""Share of the strike below which a time value is the grid's error and not the option's."""
YEAR_DAYS: Final = 365.0
_SETTINGS: Final = Lock()  # QuantLib has one evaluation date for the whole process


class Dividends(NamedTuple):
    """Cash dividends: ex-dates (datetime64[D], ascending) and amounts in money a share."""

    days: NDArray[np.datetime64]
    amounts: FloatArray

    def between(self, first: np.datetime64, last: np.datetime64) -> "Dividends":
        """Return those with first < ex-date ≤ last.

        Examples
        --------
        >>> days = np.array(["2015-02-05", "2015-05-07"], "datetime64[D]")
        >>> paid = Dividends(days, np.array([0.47, 0.52]))
        >>> paid.between(np.datetime64("2015-02-05"), np.datetime64("2015-05-07")).amounts.tolist()
        [0.52]
        """
        inside = (self.days > first) & (self.days <= last)
        return Dividends(self.days[inside], self.amounts[inside])


NO_DIVIDENDS: Final = Dividends(np.array([], dtype="datetime64[D]"), np.array([]))


class Greeks(NamedTuple):
    """Value of an option, its slope and its curvature in the spot."""

    price: float
    delta: float
    gamma: float


@dataclass(frozen=True)
class AmericanOption:
    """A call or put that may be exercised on every day up to its expiry.

    The spot moves as geometric Brownian motion between ex-dates and falls by the dividend on each (QuantLib's
    dividend model "spot"); time is ACT/365 in whole days. On an ex-date the spot is without the dividend.
    With 200 by 400 points a strike of 100 is valued to half a cent, delta to .001.

    Attributes
    ----------
    right : call or put.
    strike : money.
    expiry : last day of exercise.
    rate : continuously compounded, annual.
    """

    right: Right
    strike: float
    expiry: np.datetime64
    rate: float

    def intrinsic(self, spot: FloatArray | float) -> FloatArray:
        """Return what exercise pays now, in money.

        Examples
        --------
        >>> put = AmericanOption("put", 100.0, np.datetime64("2016-01-15"), 0.0)
        >>> put.intrinsic(np.array([90.0, 110.0]))
        array([10.,  0.])
        """
        sign = 1.0 if self.right == "call" else -1.0
        return np.maximum(sign * (np.asarray(spot) - self.strike), 0.0)

    def greeks(
        self, day: np.datetime64, spot: float, vol: float, dividends: Dividends = NO_DIVIDENDS
    ) -> Greeks:
        """Return price, delta and gamma; NaN where spot or volatility is.

        On the expiry it is the intrinsic value and its slope, one half at the money.

        Parameters
        ----------
        day : of valuation; dividends up to and with this day are in the spot already.
        spot : money.
        vol : annual, decimal.
        dividends : those after `day` and up to the expiry count.

        Raises
        ------
        DataError
            The package QuantLib is not installed, or the option has expired.

        Examples
        --------
        The put of Longstaff and Schwartz (2001), table 1, first row; their 4.478 is of 50 dates a year.

        >>> put = AmericanOption("put", 40.0, np.datetime64("2016-01-01"), 0.06)
        >>> round(put.greeks(np.datetime64("2015-01-01"), 36.0, 0.2).price, 2)
        4.48
        """
        if not (np.isfinite(spot) and np.isfinite(vol)):
            return Greeks(np.nan, np.nan, np.nan)
        if day == self.expiry:
            sign = 1.0 if self.right == "call" else -1.0
            slope = sign * (0.5 + 0.5 * np.sign(sign * (spot - self.strike)))
            return Greeks(float(self.intrinsic(spot)), float(slope), 0.0)
        with self._engine(day, spot, dividends) as (option, volatility):
            volatility.setValue(float(vol))
            return Greeks(option.NPV(), option.delta(), option.gamma())

    def implied_vol(
        self, price: float, day: np.datetime64, spot: float, dividends: Dividends = NO_DIVIDENDS
    ) -> float:
        """Return the volatility at which the option is worth `price`, by Brent's method to 1e-7.

        NaN where an input is, on the expiry, and where no volatility between `LEAST_VOL` and `MOST_VOL` gives
        the price: at or below the value of immediate exercise it may be any small one.

        Examples
        --------
        >>> call = AmericanOption("call", 100.0, np.datetime64("2016-01-15"), 0.001)
        >>> day = np.datetime64("2015-01-02")
        >>> round(call.implied_vol(call.greeks(day, 109.33, 0.3).price, day, 109.33), 6)
        0.3
        """
        if not (np.isfinite(price) and np.isfinite(spot)) or day >= self.expiry:
            return float("nan")
        with self._engine(day, spot, dividends) as (option, volatility):

            def off(vol: float) -> float:
                volatility.setValue(vol)
                return float(option.NPV()) - price

            if off(LEAST_VOL) > -CERTAINTY * self.strike:
                return float("nan")
            low, high = LEAST_VOL, FIRST_VOL
            while off(high) < 0.0:
                low, high = high, 2.0 * high
                if low >= MOST_VOL:
                    return float("nan")
            return float(brentq(off, low, high, xtol=1e-7))

    def exercised(
        self, day: np.datetime64, spot: float, vol: float, dividends: Dividends, ex: np.datetime64
    ) -> bool:
        """Tell whether a rational holder exercises at the close of `day`, `ex` being the next session.

        A call on the evening before an ex-date, where the option on the share without the dividend D is worth
        less than exercise: C(S − D) < S − K, that is, its time value is less than D (Hull 2018, section
        15.12). On other days a call is not exercised at a rate that is not negative. A put, where it is worth
        no more than exercise and no dividend is to come with the next session.

        Parameters
        ----------
        day, spot, vol, dividends : as in `greeks`.
        ex : next session; a dividend after `day` and up to it is paid to who holds the share tonight.
        """
        now = float(self.intrinsic(spot))
        if now <= 0.0 or day >= self.expiry:
            return False
        paid = float(dividends.between(day, ex).amounts.sum())
        if self.right == "call":
            if not paid:
                return False
            later = dividends.between(ex, self.expiry)
            return bool(self.greeks(day, spot - paid, vol, later).price < now - CERTAINTY * self.strike)
        return not paid and bool(
            self.greeks(day, spot, vol, dividends).price <= now + CERTAINTY * self.strike
        )

    @contextmanager
    def _engine(self, day: np.datetime64, spot: float, dividends: Dividends) -> Iterator[tuple[Any, Any]]:
        """Lend QuantLib's option and the quote of its volatility, valued on `day`."""
        if day > self.expiry:
            raise DataError(f"an option that expired on {self.expiry} cannot be valued on {day}")
        ql = _package()
        today, expiry = _date(ql, day), _date(ql, self.expiry)
        with _SETTINGS:
            settings = ql.Settings.instance()
            before = settings.evaluationDate
            settings.evaluationDate = today
            try:
                yield _option(ql, self, today, expiry, spot, dividends.between(day, self.expiry))
            finally:
                settings.evaluationDate = before


def _option(
    ql: Any, terms: AmericanOption, today: Any, expiry: Any, spot: float, dividends: Dividends
) -> tuple[Any, Any]:
    count, volatility = ql.Actual365Fixed(), ql.SimpleQuote(0.2)
    flat = ql.BlackConstantVol(today, ql.NullCalendar(), ql.QuoteHandle(volatility), count)
    rate, nothing = (
        ql.YieldTermStructureHandle(ql.FlatForward(today, each, count)) for each in (terms.rate, 0.0)
    )
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(float(spot))), nothing, rate, ql.BlackVolTermStructureHandle(flat)
    )
    right = ql.Option.Call if terms.right == "call" else ql.Option.Put
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(right, float(terms.strike)), ql.AmericanExercise(today, expiry)
    )
    schedule = ql.DividendVector(
        [_date(ql, each) for each in dividends.days], [float(each) for each in dividends.amounts]
    )
    option.setPricingEngine(
        ql.FdBlackScholesVanillaEngine(process, schedule, TIME_STEPS, SPACE_STEPS, DAMPING_STEPS)
    )
    return option, volatility


def _date(ql: Any, day: np.datetime64) -> Any:
    named = day.astype("datetime64[D]").item()
    return ql.Date(named.day, named.month, named.year)


def _package() -> Any:
    try:
        import QuantLib
    except ImportError:
        raise DataError(
            'American options are valued with QuantLib, an extra: pip install "regime-hedge[options]"'
        ) from None
    return QuantLib
