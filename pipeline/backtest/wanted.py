"""The position that a band asks for."""

from numba import njit


@njit(nogil=True)  # type: ignore[untyped-decorator]
def wanted(
    here: float, lower: float, upper: float, to_lower: float, to_upper: float, speed: float, lot: float
) -> float:
    """Return the position that the band asks for, in whole lots if there are lots."""
    from_below, from_above = here + speed * (to_lower - here), here + speed * (to_upper - here)
    target: float = from_below if here < lower else here
    target = from_above if here > upper else target
    if lot > 0.0 and target != here:
        target = _in_lots(target, here, lower, upper, lot)
    return target


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _in_lots(wanted: float, here: float, lower: float, upper: float, lot: float) -> float:
    """Return the position nearest to `wanted` that whole lots reach from `here`.

    Where the nearest lies outside the band and the next one inside, it is the next one: else the order that
    the band asked for would be asked for again at the next step. An edge counts as inside by a billionth of
    a lot, so that the rounding of what is held does not decide which of two lots it is.
    """
    lots, slack = round((wanted - here) / lot), 1e-9 * lot
    nearest, least, most = here + lots * lot, lower - slack, upper + slack
    if nearest < least <= wanted and nearest + lot <= most:
        return here + (lots + 1) * lot
    if nearest > most >= wanted and nearest - lot >= least:
        return here + (lots - 1) * lot
    return nearest
