"""What is wrong with a data set's official files."""


class AnnotationError(ValueError):
    """An annotation file that is absent or not as its data set publishes it."""
