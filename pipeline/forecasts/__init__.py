"""Volatility, liquidity and event forecasters, and the scores that judge them."""
