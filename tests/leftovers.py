"""What a killed writer leaves behind."""


def leftover(path):
    """The unfinished file or folder of `path`, as `vatt.files.whole_file` names it."""
    return path.with_name(f".{path.name}.vatt-0123456789abcdef.part")
