"""Causal features of the market, one module a data source."""
