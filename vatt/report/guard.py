"""What keeps one damaged part of a report from costing the rest of it."""

from collections.abc import Callable

from vatt.report.markup import Markup, element

# What comes of plain values of another form than ours.
_OF_ANOTHER_FORM = (
    ArithmeticError,
    AttributeError,
    IndexError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)


def guarded(build: Callable[[], Markup | None], part: str) -> Markup | None:
    """What `build` gives; where the data have another form than ours, a sentence in its place.

    Args:
        build: makes the part.
        part: its name, to begin that sentence with: "The gallery".
    """
    try:
        return build()
    except _OF_ANOTHER_FORM as error:
        text = f"{part} can not be shown: {type(error).__name__}: {error}."
        return element("p", text, class_="note lost")
