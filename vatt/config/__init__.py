"""Gin configurations: read, checked for what no run could use, recorded, compared.

An `import` line of a gin file runs that module's code while the file is read: read only files that you trust.
"""

from vatt.config.call import Call, numbers_of, root_call, value_of
from vatt.config.files import available, listing, resolve, roots
from vatt.config.load import load
from vatt.config.text import as_written, config_text, difference, operative_text
from vatt.errors import ConfigError, closest

__all__ = [
    "Call",
    "ConfigError",
    "as_written",
    "available",
    "closest",
    "config_text",
    "difference",
    "listing",
    "load",
    "numbers_of",
    "operative_text",
    "resolve",
    "root_call",
    "roots",
    "value_of",
]
