"""`docs/model_card.md`: the template that the exporter fills, and how a publisher finishes it."""

import textwrap

from vatt.export.card import TEMPLATE

_HEAD = """\
# The model card

Made from `vatt/export/model_card.md`, which is the card of every export
with places for its facts; change that. `vatt export RUN OUT` fills it from the run and writes
`OUT/README.md`:

| place | filled from |
|---|---|
| `data`, `training` | the run's `command.txt` and `config.gin`, the identity in its checkpoint |
| `figures`, `protocols` | its evaluations of exactly these weights, and of no others, with chance |
| `energy` | the time in its journal, the devices of its last start |
| `signatures`, `example`, `formats`, `golden` | the export itself |
| `licence` | `--licence`; nothing is assumed where none is stated |

What no program can know stands in it as "To be written". The publisher of a model writes these parts into
`OUT/README.md`, or takes them out and answers for that. `grep -n "To be written" OUT/README.md` finds those
that are left.

The template:
"""


def page() -> str:
    """The whole page."""
    return (
        _HEAD
        + "\n"
        + textwrap.indent(TEMPLATE.read_text(encoding="utf-8"), "    ", lambda line: line.strip() != "")
    )
