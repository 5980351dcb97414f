"""What stands between a decision and the market: the overlay, and whether a desk trades at all."""
