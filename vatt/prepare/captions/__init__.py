"""Reads the captions of a media file: subtitles, transcripts and descriptions to (start, end, text)."""

from vatt.prepare.captions.caption import (
    WHOLE_FILE,
    Caption,
    CaptionError,
    CaptionFile,
    NotCaptions,
    Note,
)
from vatt.prepare.captions.reader import CaptionReader
from vatt.prepare.captions.reading import SUBTITLE_SUFFIXES, SUFFIXES, read_captions

__all__ = [
    "SUBTITLE_SUFFIXES",
    "SUFFIXES",
    "WHOLE_FILE",
    "Caption",
    "CaptionError",
    "CaptionFile",
    "CaptionReader",
    "NotCaptions",
    "Note",
    "read_captions",
]
