"""Judge the hedgers: paired comparisons with honest intervals, figures, the report page and the summary."""
