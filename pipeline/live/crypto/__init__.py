"""Crypto venues by ccxt (extra `ccxt`): the ids of orders, what a venue says, and the gateway."""
