from .errors import UserError, building

__all__ = ['UserError', 'building']
