"""What stands between a policy and the market: the rules of the overlay."""
