"""The directive ``exports``: a package's docstring and those of the names in its ``__all__``."""

import inspect
import sys
from collections import namedtuple
from importlib import import_module

from docutils.nodes import Node
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

Field = namedtuple('Field', 'name')


def page_of(package):
    """The directives that document a package.

    Args:
        package (str): Its full name.

    Returns:
        str: reStructuredText.
    """
    names = import_module(package).__all__
    links = ', '.join(f':py:obj:`~{package}.{name}`' for name in names)
    entries = (entry_of(package, name) for name in names)
    return '\n\n'.join([f'.. automodule:: {package}\n   :no-members:', links, *entries])


def entry_of(package, name):
    """The directive that documents a name.

    Args:
        package (str): The package that exports it.
        name (str): The name.

    Returns:
        str: reStructuredText.
    """
    found = getattr(sys.modules[package], name)
    if getattr(found, '__name__', None) != name:
        return described('data', package, name, data_docstring(name, found))
    kind = 'class' if inspect.isclass(found) else 'function'
    home = found.__module__.rpartition('.')[0]
    if not home.startswith(package) and name in getattr(sys.modules[home], '__all__', ()):
        return described(kind, package, name, f'The same as :py:obj:`{home}.{name}`.')
    return f'.. auto{kind}:: {package}.{name}'


def described(kind, package, name, text):
    """A name with a text in place of its own docstring.

    Args:
        kind (str): 'class', 'data' or 'function'.
        package (str): The package that exports it.
        name (str): The name.
        text (str): A paragraph.

    Returns:
        str: reStructuredText.
    """
    return f'.. py:{kind}:: {name}\n   :module: {package}\n\n   {text}'


def data_docstring(name, value):
    """The docstring below the assignment of data, in whichever module of the project it is.

    Args:
        name (str): The data's name.
        value (object): The data.

    Returns:
        str: In one line.

    Raises:
        LookupError: If there is none.
    """
    for module, content in sorted(sys.modules.items()):
        if module.startswith('gaia_ssl.') and getattr(content, name, None) is value:
            docstrings = ModuleAnalyzer.for_module(module).find_attr_docs()
            if ('', name) in docstrings:
                return ' '.join(docstrings['', name]).strip()
    raise LookupError(f'{name} has no docstring below its assignment')


def skip_fields_of_tuples(app, what, name, obj, skip, options):
    """Skip the members that the docstring of a named tuple describes under Attributes.

    Args:
        app (sphinx.application.Sphinx): The build.
        what (str): The kind of the object that the member is of.
        name (str): The member's name.
        obj (object): The member.
        skip (bool): Autodoc's own decision.
        options (dict): The directive's options.

    Returns:
        bool | None: True to skip it, None for autodoc's own decision.
    """
    return isinstance(obj, type(Field.name)) or None


class Exports(SphinxDirective):
    """Insert the documentation of the package that the argument names."""

    required_arguments = 1

    def run(self) -> list[Node]:
        """The nodes of the documentation."""
        return self.parse_text_to_nodes(page_of(self.arguments[0]))


def setup(app):
    """Register the directive.

    Args:
        app (sphinx.application.Sphinx): The build.

    Returns:
        dict: Facts that Sphinx asks of an extension.
    """
    app.add_directive('exports', Exports)
    app.connect('autodoc-skip-member', skip_fields_of_tuples)
    return dict(parallel_read_safe=True)
