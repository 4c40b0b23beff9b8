"""Pictures and pages of results."""

from .compare import plot_comparison
from .html import write_html
from .search import plot_search, plot_searches

__all__ = ['plot_comparison', 'plot_search', 'plot_searches', 'write_html']
