"""Axes and numbers for people: round ticks, short numbers, plain durations."""

import math

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round numbers (1, 2, 2.5 or 5 times a power of ten) inside [low, high]."""
    if high <= low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [first * step + i * step for i in range(int((high - first * step) / step + 1e-9) + 1)]


def short(value: float) -> str:
    """At most four digits: 1,250 · 0.73 · 2.5×10⁻⁵."""
    if not math.isfinite(value):
        return "not finite"
    if value == 0:
        return "0"
    size = abs(value)
    if 1e-2 <= size < 1e6:
        if size >= 1000:
            return f"{value:,.0f}"
        return f"{value:.{max(0, 3 - math.ceil(math.log10(size) + 1e-12))}f}" if size >= 1 else f"{value:.3g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}×10{superscript(int(exponent))}"


def superscript(exponent: int) -> str:
    """-3 → ⁻³."""
    return str(exponent).translate(_SUPERSCRIPTS)


def axis_power(greatest: float) -> int:
    """The power of ten, a multiple of 3, that an axis up to `greatest` is best written in; 0 for as it is."""
    if greatest == 0 or 1e-2 <= greatest < 1e4:
        return 0
    return 3 * math.floor(math.log10(greatest) / 3 + 1e-12)


def tick_label(value: float) -> str:
    """A tick's number without needless zeros."""
    text = short(value).replace("-", "\u2212")
    return text.rstrip("0").rstrip(".") if "." in text and "×" not in text else text


def percent(fraction: float, digits: int = 1) -> str:
    """0.712 → "71.2 %"; exactly nothing and exactly all stand without decimals."""
    return f"{100 * fraction:.{0 if fraction in (0, 1) else digits}f}\u202f%"


def duration(seconds: float) -> str:
    """93 → "1 min 33 s"; at most two units."""
    if seconds < 59.5:
        return f"{seconds:.3g} s" if seconds < 10 else f"{seconds:.0f} s"
    seconds = round(seconds)
    for size, unit, smaller, part in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            return f"{seconds // size} {unit} {seconds % size // smaller} {part}"
    return f"{seconds} s"


def count(number: float) -> str:
    """A whole number for an axis: 1,250 · 500k · 2.5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= 10 * size or (letter == "M" and number >= size):
            return f"{number / size:,.4g}{letter}"
    return f"{number:,.0f}"


def rank(value: float) -> str:
    """1 · 1.3"""
    return f"{value:,.1f}".removesuffix(".0")
