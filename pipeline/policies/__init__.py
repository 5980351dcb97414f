"""Hedgers: each maps a market state to a no-trade band."""
