"""The exact optimum under exponential utility and proportional cost, by dynamic programming."""
