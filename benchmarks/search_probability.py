"""Whether `vatt search --at_least P` says nothing when nothing is there, on the demo's held-out clips.

    python benchmarks/search_probability.py --model runs/pretrain

The 36 held-out combinations of colour, shape and action are dealt anew in each of 18 draws: to one part the
calibration is fitted; of another part an index is made (its clips), and it is asked for the sentences of that
part and, as often, for sentences of a part that is not in the index. `combination`: parts of 18, 9 and 9;
what is absent shares two of three words with clips of the index. `colour`, `shape`, `action`: no clip of the
index has the colour (shape, action) that is asked for, and the calibration did not see it either. All by the
functions of `vatt index --calibrate_on` and `vatt search --at_least`. What is asked for:

    at most 5 % false alarms where at least 90 % are found; an expected calibration error of at most 0.05.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DRAWS = 18
PARTS = ("colour", "shape", "action")


def read(args):
    """(cosines of sentences with clips by modality, group of each sentence, group of each clip)."""
    import numpy as np

    import vatt
    from vatt.demo.corpus import demo_corpus
    from vatt.embed.files import Options, embed_files
    from vatt.prepare.captions import read_captions
    from vatt.search import calibrating

    media = Path(args.media or Path(demo_corpus()).parent / "media" / "test")
    embedder = vatt.load(args.model)
    paths = sorted(media.glob("*.mp4"))
    embedded = [outcome for _, outcome in embed_files(embedder, paths, Options(processes=1))]
    groups = np.array([path.stem.split("-", 1)[1] for path in paths])
    told = [(text, group) for path, group in zip(paths, groups, strict=True)
            for *_, text in read_captions(path.with_suffix(".srt")).captions]  # fmt: skip
    vectors, numbers = calibrating._texts(embedder, [text for text, _ in told])
    cosines = {name: calibrating._cosines(vectors, name, embedded) for name in ("video", "audio")}
    return cosines, np.array([told[number][1] for number in numbers]), groups


def pairs(cosines, asked, groups, of_queries, of_clips):
    """The sentences of some groups with the clips of some."""
    import numpy as np

    from vatt.search.calibration import Pairs

    queries, clips = np.isin(asked, of_queries), np.isin(groups, of_clips)
    right = asked[queries][:, None] == groups[clips]
    part = {name: values[np.ix_(queries, clips)] for name, values in cosines.items()}
    return Pairs(cosines=part, right=right, wrong=~right, groups=len(of_clips))


def deal(draw, combinations, number, part):
    """(combinations of the calibration, of the index, that are absent)."""
    if part is None:
        mixed = draw.permutation(combinations)
        return mixed[:18], mixed[18:27], mixed[27:]
    names = sorted({each.split("-")[part] for each in combinations})
    name = names[number % len(names)]
    absent = [each for each in combinations if each.split("-")[part] == name]
    rest = draw.permutation([each for each in combinations if each not in absent])
    return rest[:18], rest[18:], absent


def main():
    import numpy as np

    from vatt.metrics.calibration import expected_calibration_error, reliability
    from vatt.search.calibration import fit_calibration

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a run directory")
    parser.add_argument("--media", help="the held-out clips (default: those of the demo corpus)")
    cosines, asked, groups = read(parser.parse_args())
    combinations = np.unique(groups)
    for label, part in (("combination", None), *zip(PARTS, range(3), strict=True)):
        draw = np.random.default_rng(0)
        stated, came, is_there = [], [], []
        for number in range(DRAWS):
            of_calibration, of_index, absent = deal(draw, combinations, number, part)
            fitted = fit_calibration(pairs(cosines, asked, groups, of_calibration, of_calibration))
            sides = [pairs(cosines, asked, groups, each, of_index) for each in (of_index, absent)]
            count = min(len(side.right) for side in sides)
            for side, present in zip(sides, (True, False), strict=True):
                for query in draw.permutation(len(side.right))[:count]:
                    row = {name: values[query] for name, values in side.cosines.items()}
                    probabilities = fitted.probability(row, len(side.right[query]))
                    stated.append(probabilities.max())
                    came.append(side.right[query][probabilities.argmax()])
                    is_there.append(present)
        stated, came, is_there = (np.array(each) for each in (stated, came, is_there))
        error = expected_calibration_error(reliability(stated, came))
        print(f"absent {label}: {len(stated)} sentences, expected calibration error {error:.3f}")
        limit = np.quantile(stated[~is_there], 0.95)
        for name, least in (("0.5", 0.5), ("0.8", 0.8), (f"{limit:.2f} (5 % false alarms)", limit)):
            alarms = (stated[~is_there] > least).mean()
            found = (stated[is_there] > least).mean()
            print(f"  --at_least {name}: found {100 * found:.1f} %, false alarms {100 * alarms:.1f} %")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
