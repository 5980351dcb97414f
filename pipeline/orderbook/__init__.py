"""The order book rebuilt from its events: levels, orders, whether it can be trusted, and its best levels."""
