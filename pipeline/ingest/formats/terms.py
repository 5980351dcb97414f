"""What a reader has to be told; the desk files' settings hold it too, so it is defined with them."""

from pipeline.domain.stream_terms import Terms

__all__ = ["Terms"]
