"""The sentences of the report that explain its figures to someone who sees them for the first time."""

from vatt.report.markup import element

BAR_LEGEND = (
    "Bar: the figure. Thin line: its 95\u202f% interval. Red tick: chance. Derived: audio and text are never "
    "trained against each other; the audio goes through the video–text head of the video."
)

GALLERY_NOTE = (
    "The five nearest clips of each query, nearest first, each as frames from its beginning to its end. "
    "Queries are drawn at random, half among those that were right at once and half among the others as far "
    "as there are any, so their share here says nothing about how often the model is right."
)

GROUPS_NOTE = "Clips of one group resemble each other, so the true uncertainty is somewhat wider."

_TERMS = {
    "R@k, recall at k": (
        "The share of queries whose first right clip stands among the k nearest. 100\u202f% is perfect."
    ),
    "Median and mean rank": (
        "Where the first right clip stands, 1 being first. A tie counts against the model: at an equal score "
        "the wrong clip stands before the right one, so a model that gives the same answer to everything "
        "ranks last."
    ),
    "Chance": (
        "What a random order gives on the same queries and clips, computed exactly. More clips per group "
        "make it higher; only the distance from it speaks for the model."
    ),
    "Permuted": (
        "Where it is given: the range that holds 99\u202f% of the recalls after the groups of the queries "
        "were exchanged at random. A figure inside it is what a model without any correspondence may reach."
    ),
    "95\u202f% interval": (
        "Wilson's interval for a share of independent queries. Clips of one group resemble each other, so "
        "the true uncertainty is somewhat wider."
    ),
    "Which space": (
        "Video and audio are compared in the video–audio space, video and text in the video–text space. "
        "Audio and text meet by way of the video: derived, and never trained directly."
    ),
    "Curves": (
        "In a long run a line joins means over neighbouring journal lines, and the band around it spans "
        "their least and greatest value. Point at a curve to read it. Waiting for data near 0 means that the"
        " input keeps up with the model."
    ),
}

HOW_TO_READ = element(
    "section",
    element("h2", "How to read this"),
    element(
        "dl",
        [(element("dt", term), element("dd", meaning)) for term, meaning in _TERMS.items()],
        class_="reading",
    ),
)
