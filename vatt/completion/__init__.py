"""Scripts by which shells complete `vatt`, written by `python -m docs.generators` from the parsers."""
