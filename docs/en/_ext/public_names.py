"""Autodoc of a package's exports: every name of ``__all__``, data with the docstring below its assignment."""

import sys

from sphinx.pycode import ModuleAnalyzer


def keep_exports(app, what, name, obj, skip, options):
    """Keep a module's member: autodoc offers those of ``__all__`` only, and would drop some data.

    Args:
        app (sphinx.application.Sphinx): The build.
        what (str): The kind of the object that the member is of, such as 'module'.
        name (str): The member's name.
        obj (object): The member.
        skip (bool): Autodoc's own decision.
        options (dict): The directive's options.

    Returns:
        bool | None: False to keep it, None for autodoc's own decision.
    """
    return False if what == 'module' else None


def use_own_docstring(app, what, name, obj, options, lines):
    """Replace the docstring of data's type by that of the data.

    Args:
        app (sphinx.application.Sphinx): The build.
        what (str): The kind of the object, such as 'data'.
        name (str): Its full name where it is exported.
        obj (object): The object.
        options (dict): The directive's options.
        lines (list[str]): The docstring, changed in place.
    """
    if what != 'data':
        return
    package, _, name = name.rpartition('.')
    lines[:] = next(own_docstrings(package, name), [])


def own_docstrings(package, name):
    """Find docstrings below assignments.

    Args:
        package (str): The package that exports the name.
        name (str): The data's name.

    Yields:
        list[str]: Lines of a docstring.
    """
    exported = getattr(sys.modules[package], name)
    for module in [m for n, m in sorted(sys.modules.items()) if n.startswith('gaia_ssl.')]:
        if getattr(module, name, None) is exported:
            found = ModuleAnalyzer.for_module(module.__name__).find_attr_docs()
            if ('', name) in found:
                yield found['', name]


def setup(app):
    """Register both.

    Args:
        app (sphinx.application.Sphinx): The build.

    Returns:
        dict: Facts that Sphinx asks of an extension.
    """
    app.connect('autodoc-skip-member', keep_exports)
    app.connect('autodoc-process-docstring', use_own_docstring)
    return dict(parallel_read_safe=True)
