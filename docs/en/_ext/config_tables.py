"""The directive ``config-tables``: every config of the model index, a table per collection."""

from pathlib import Path

import yaml
from docutils.nodes import Node
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[3]
COLUMNS = {
    'config': lambda model: f'`{Path(model["Config"]).name}`',
    'task': lambda model: ', '.join(f'`{alias}`' for alias in model.get('Alias', ())),
    'data': lambda model: model['Metadata']['Training Data'],
    'length': lambda model: length_of(model['Metadata']),
    'batch': lambda model: f'{model["Metadata"]["Batch Size"]:,}',
    'FLOPs': lambda model: short(model['Metadata'].get('FLOPs')),
    'parameters': lambda model: short(model['Metadata'].get('Parameters')),
}


def length_of(about):
    """A training's length with its unit.

    Args:
        about (dict): A model's metadata.

    Returns:
        str: Such as '12 epochs'.
    """
    unit = 'Epochs' if 'Epochs' in about else 'Iterations'
    return f'{about[unit]:,} {unit.lower()}'


def short(number):
    """A count with three digits and a suffix.

    Args:
        number (int | None): Such as 15512010752.

    Returns:
        str: Such as '15.5 G', or '' for None.
    """
    if number is None:
        return ''
    factor, suffix = (1e9, 'G') if number >= 1e9 else (1e6, 'M')
    return f'{number / factor:.3g}\N{NO-BREAK SPACE}{suffix}'


def table_of(models):
    """A Markdown table of models, without the columns in which none has a value.

    Args:
        models (list[dict]): Entries of a metafile.

    Returns:
        list[str]: Lines.
    """
    columns = {name: [read(model) for model in models] for name, read in COLUMNS.items()}
    columns = {name: values for name, values in columns.items() if any(values)}
    rows = [list(columns), ['---'] * len(columns), *zip(*columns.values())]
    return [f'| {" | ".join(row)} |' for row in rows]


def tables(root=ROOT):
    """All configs that the model index imports.

    Args:
        root (Path): The folder of ``model-index.yml``.

    Returns:
        str: Markdown, a section with a table per collection, those of benchmarks last.
    """
    lines = []
    metafiles = yaml.safe_load((root / 'model-index.yml').read_text())['Import']
    for metafile in sorted(metafiles, key=lambda path: path.startswith('configs/benchmarks')):
        content = yaml.safe_load((root / metafile).read_text())
        for collection in content['Collections']:
            name = collection['Name']
            models = [model for model in content['Models'] if model['In Collection'] == name]
            folder = Path(metafile).parent
            lines += [f'## {name}', '', f'In `{folder}`.', '', *table_of(models), '']
    return '\n'.join(lines)


class ConfigTables(SphinxDirective):
    """Insert the tables; the page is built anew when a metafile changes."""

    def run(self) -> list[Node]:
        """The nodes of the tables."""
        for path in (__file__, ROOT / 'model-index.yml', *ROOT.glob('configs/**/metafile.yml')):
            self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(tables(), allow_section_headings=True)


def setup(app):
    """Register the directive.

    Args:
        app (sphinx.application.Sphinx): The build.

    Returns:
        dict: What Sphinx asks of an extension.
    """
    app.add_directive('config-tables', ConfigTables)
    return dict(parallel_read_safe=True)
