"""`vatt VERB …` and `python -m vatt VERB …`: hands over to the package of the verb, which is imported only
then."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from types import ModuleType

import vatt
from vatt.terminal import Parser, has_no_reader, say, show, train_command

# verb -> (module, what it does). The module has `add_arguments(parser)` and `main(args) -> exit status`.
VERBS = {
    "prepare": ("vatt.prepare.cli", "turn media files and captions, or the demo corpus, into records"),
    "doctor": ("vatt.prepare.doctor.cli", "examine prepared records: damage, silence, leakage, wrong labels"),
    "plan": (
        "vatt.plan.cli",
        "cost of a configuration before it runs, and the paper's costs compared with ours",
    ),
    "train": ("vatt.main", "train, evaluate and report, as gin files say"),
    "feed": ("vatt.data.feed", "make batches for trainers on other machines"),
    "report": ("vatt.report.cli", "write a run's report.html again, or compare two runs"),
    "tables": ("vatt.tables.cli", "the paper's figures, the gin files that compute them, and our results"),
    "embed": ("vatt.embed.cli", "embed the windows of media files of any kind and length into a table"),
    "index": ("vatt.search.index_cli", "make a folder of media searchable, or bring its index up to date"),
    "search": ("vatt.search.cli", "find windows of an index by text, video or audio"),
    "duplicates": ("vatt.search.duplicates_cli", "list videos of a folder that are copies of one another"),
    "serve": ("vatt.search.serve_cli", "search an index in a web page of this machine"),
    "mcp": ("vatt.search.mcp_cli", "let assistants search an index, by the Model Context Protocol"),
    "benchmark": ("vatt.harness.cli", "evaluate a trained model by the harness of a public benchmark"),
    "export": ("vatt.export.cli", "write a trained model as SavedModel, TF Hub module, .keras, LiteRT, …"),
    "convert": ("vatt.convert.cli", "load released VATT, T5 and ViT weights, or write theirs from ours"),
    "completion": ("vatt.completion", "print a script by which bash or zsh completes commands"),
}
_WALK = (
    "prepare folder VIDEOS RECORDS    # then as it says, such as",
    "train --gin_file=pretrain.gin --gin_file=overlay/folder.gin --data_dir RECORDS",
    "index VIDEOS INDEX --model runs/folder",
    "serve INDEX",
    "export runs/folder EXPORT",
)
# "benchmark" imports it later; of "search" and "mcp" only some calls load a model: their modules say which.
NEED_TENSORFLOW = {"convert", "embed", "export", "feed", "index", "plan", "serve"}
# These read and write stores themselves; for the others an address is a folder that is fetched, and sent.
OWN_STORES = {"plan", "prepare"}
_NOT_FETCHED = ("events/",)
READ_GIN = {"plan"}  # besides "train"; these take --gin.NAME=VALUE


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        show(_help())
        return 0 if given else 2
    if given[0] == "--version":
        show(f"vatt {vatt.__version__}")
        return 0
    verb, rest = given[0], given[1:]
    # Help and version do without gin.
    import gin

    from vatt.config.flags import joined
    from vatt.errors import RunError, closest
    from vatt.files.mirror import localised
    from vatt.files.places import refuse_unknown
    from vatt.main import configure_terminal, import_tensorflow
    from vatt.main import main as train

    if verb not in VERBS:
        say(f"error: a verb must be one of {', '.join(VERBS)}. Received: {verb}.{closest(verb, VERBS)}")
        return 2
    if verb == "train":
        return train(rest, program=train_command())
    configure_terminal()
    try:
        if verb in NEED_TENSORFLOW and not {"-h", "--help"} & set(rest):
            import_tensorflow()
        parser = Parser(prog=f"vatt {verb}", description=f"{VERBS[verb][1].capitalize()}.")
        with gin.unlock_config():  # a run of this process has locked it, and modules register what they have
            module = add_verb(verb, parser)
        # Beam's own options may well name a bucket, for what its runner stages.
        refuse_unknown(each for each in rest if not each.startswith("--beam_options"))
        fetched = localised(rest, skips=_NOT_FETCHED) if verb not in OWN_STORES else nullcontext(rest)
        with gin.unlock_config(), fetched as given:
            parsed = parser.parse_args(joined(given) if verb in READ_GIN else given)
            if hasattr(module, "needs_tensorflow") and module.needs_tensorflow(parsed):
                import_tensorflow()
            return module.main(parsed) or 0
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except (ValueError, OSError, RunError) as error:
        if isinstance(error, BrokenPipeError) and has_no_reader():
            return 0
        say(f"error: {error}")
        return 2


def add_verb(verb: str, parser: argparse.ArgumentParser) -> ModuleType:
    """Declares the arguments of a verb; returns its module."""
    module = importlib.import_module(VERBS[verb][0])
    module.add_arguments(parser)
    return module


def _help() -> str:
    width = max(map(len, VERBS))
    lines = [f"  {verb:<{width}}  {summary}" for verb, (_, summary) in VERBS.items()]
    return "\n".join(
        [
            "usage: vatt VERB …    (the same: python -m vatt VERB …)",
            "",
            *lines,
            "",
            "From your own videos to a search page:",
            *(f"  vatt {command}" for command in _WALK),
            "",
            "vatt VERB --help says more.",
        ]
    )
