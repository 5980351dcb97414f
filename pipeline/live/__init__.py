"""Decisions on the newest session: the state of the book now, the bands of the hedgers, the orders."""
