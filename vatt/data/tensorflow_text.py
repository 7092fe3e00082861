"""tensorflow-text, where it is installed: an extra, which only the vocabularies of T5 and BERT need."""

from types import ModuleType

from vatt.errors import RunError


def tensorflow_text() -> ModuleType:
    """The package, whose import registers its operations; raises `RunError` where there is none."""
    try:
        import tensorflow_text as package
    except ImportError as error:
        raise RunError(
            "SentencePiece and WordPiece vocabularies need the package tensorflow-text. Received: none that "
            f"can be imported ({error}). `pip install 'vatt[text]'`, or use a list of words (`VOCABULARY`)."
        ) from error
    return package
