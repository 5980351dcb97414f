"""Raw sources to canonical tables, and the dataset store."""
