"""Pictures of results."""

from .search import plot_search

__all__ = ['plot_search']
