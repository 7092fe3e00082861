"""An error that stops an export: one sentence with a way out."""


class ExportError(ValueError):
    """The model can not be exported like this, or what was written is not the model; nothing is left."""
