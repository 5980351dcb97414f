"""Risk measures, bootstrap comparisons, figures and the report."""
