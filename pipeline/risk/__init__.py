"""What stands between a decision and the market: the rules of the overlay, and whether a desk trades at all."""
