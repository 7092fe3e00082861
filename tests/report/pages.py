"""What tests look for in a page: its text, its elements, that all of them are closed."""

import html.parser
import re

VOID = {"meta", "img", "br", "hr", "link"}


class Checker(html.parser.HTMLParser):
    """Collects text and attributes, and that every element is closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(page)
        assert self.open == []
        self.words = re.sub(r"\s+", " ", self.text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def assert_harmless(checked):
    """Nothing runs, nothing is loaded."""
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & set(checked.tags)
    for tag, name, value in checked.attributes:
        assert not name.startswith("on"), "an event handler"
        if name in ("src", "href", "srcset", "action"):
            assert value.startswith(("data:", "#")), (tag, value)
