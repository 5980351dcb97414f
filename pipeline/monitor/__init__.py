"""Whether the market, the models and the hedge are still what they were when the champion was learned."""
