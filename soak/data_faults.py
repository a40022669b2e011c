"""Faults planted into clean data are all told, with their place; of clean data nothing is told: trial 21."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from soak import planted, planted_files, planted_questions, planted_tables, planted_words
from soak.planted import Fault, is_told, said_of, write
from soak.trial import Figure, Ground, Tally, Trial
from unfreeze.data.examples import Example
from unfreeze.data.sources import Corpus, DataRequest, load_corpus, load_for_scoring

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TRAINED = ("emotion", "conll2003", "ud_english_ewt", "ud_naija_nsc", "imdb", "imdb/aclImdb")
SCORED = (
    "squad/dev-v1.1.json",
    "ud_hausa_northernautogramm/ha_northernautogramm-ud-test.conllu",
    "ud_yoruba_ytb/yo_ytb-ud-test.conllu",
)
# What is wrong with the well-known sets in fact; it is counted here once more, in another way.
_LEAK = re.compile(r"(\d+) of \d+ examples of (\w+) (?:is|are) also in (\w+)")
_CONTRADICTING = re.compile(r"(\d+) repeated examples? of (\w+) (?:has|have) another (\w+) than the first")
_INVISIBLE = re.compile("ZERO WIDTH (NO-BREAK )?SPACE|RIGHT MARK|LEFT MARK|OVERRIDE|EMBEDDING|ISOLATE|WORD JOINER")
_ODD_SIGNS = re.compile(r"(\d+) of \d+ examples of (\w+) contain (control|UTF-8)")


def faults() -> list[Fault]:
    """Each in data that is clean but for it."""
    return [
        fault
        for module in (planted_tables, planted_files, planted_words, planted_questions)
        for fault in module.faults()
    ]


def all_told(ground: Ground) -> Figure:
    """Every fault is named with its file and line; clean data, made up or real, raises no alarm."""
    tally = Tally()
    for number, fault in enumerate(faults()):
        folder = ground.folder / f"{number}"
        write(fault.files, folder)
        said = said_of(folder, **fault.options)
        tally.add(is_told(fault, said, folder), f"{fault.name}, {fault.place}: {' | '.join(said)[:300]}")
    found = f"{tally.good} of {tally.attempts} planted faults told with their place"
    made = _made_clean()
    for name, files in made.items():
        folder = ground.folder / name
        write(files, folder)
        alarms = [str(finding) for finding in load_corpus(_request(folder)).findings]
        tally.add(not alarms, f"clean {name}: {alarms[:2]}")
    real = [name for name in (*TRAINED, *SCORED)[:: ground.times(4, 1)] if (SHARED / name).exists()]
    for name in real:
        alarms = _false_alarms(name)
        tally.add(not alarms, f"{name}: {alarms[:3]}")
    return tally.figure(f"{found}; no alarm on {len(made)} made-up and {len(real)} well-known clean sets")


def _made_clean() -> dict[str, Mapping[str, bytes]]:
    conllu = ("\n".join(planted_words.conllu(10)) + "\n").encode()
    return {
        "texts": planted.CLEAN,
        "sentences": planted_words.CLEAN,
        "treebank": {
            "train.conllu": conllu,
            "validation.conllu": ("\n".join(planted_words.conllu(4, 50)) + "\n").encode(),
        },
        "questions": planted_questions.CLEAN,
        "rows": {"train.jsonl": planted_questions.rows(planted_questions.TRAIN)},
    }


def _request(folder: Path) -> DataRequest:
    files = {path.name.partition(".")[0]: str(path) for path in sorted(folder.iterdir())}
    test = (files["test"],) if "test" in files else ()
    return DataRequest(train_file=files["train"], validation_file=files.get("validation"), test_file=test)


def _false_alarms(name: str) -> list[str]:
    """What is said of a well-known set and is not so."""
    load = load_corpus if name in TRAINED else load_for_scoring
    corpus = load(DataRequest(data=str(SHARED / name)))
    splits = {"train": corpus.train, "validation": corpus.validation, **corpus.tests}
    if any("validation was missing" in note for note in corpus.notes):  # what is said was said before it was made
        splits["train"] += splits.pop("validation")
    alarms = [str(finding) for finding in corpus.findings if not _is_so(finding.message, splits)]
    return alarms + _unnamed(corpus, splits)


def _is_so(message: str, splits: Mapping[str, Sequence[Example]]) -> bool:
    """Is it what one counts in the examples themselves?"""
    if said := _LEAK.search(message):
        return int(said[1]) == _in_both(splits[said[2]], splits[said[3]])
    if said := _CONTRADICTING.search(message):
        return int(said[1]) == _contradicting(splits[said[2]])
    if said := _ODD_SIGNS.search(message):
        is_odd = _has_control if said[3] == "control" else _is_spelt_in_bytes
        return int(said[1]) == sum(is_odd(example.shown) for example in splits[said[2]])
    return False


def _has_control(text: str) -> bool:
    odd = {sign for sign in text if unicodedata.category(sign) in ("Cc", "Cf")} - {*"\t\n\r\x85"}
    return any(sign < " " or "\x7f" <= sign < "\xa0" or _INVISIBLE.search(unicodedata.name(sign)) for sign in odd)


def _is_spelt_in_bytes(text: str) -> bool:
    """Is there a word that is the UTF-8 of another one, letter by letter?"""
    for word in text.split():
        try:
            if not word.isascii() and word.encode("latin-1").decode() != word:
                return True
        except ValueError:
            continue
    return False


def _contradicting(examples: Sequence[Example]) -> int:
    first: dict[tuple[str, ...], object] = {}
    return sum(first.setdefault(_plain(example), _answers(example)) != _answers(example) for example in examples)


def _answers(example: Example) -> object:
    answers = getattr(example, "answers", None)
    return example.labels if answers is None else {answer.text for answer in answers}


def _unnamed(corpus: Corpus, splits: Mapping[str, Sequence[Example]]) -> list[str]:
    """Real leaks that nothing is said of."""
    said = {(leak[2], leak[3]) for finding in corpus.findings if (leak := _LEAK.search(finding.message))}
    names = list(splits)
    pairs = [(later, earlier) for i, earlier in enumerate(names) for later in names[i + 1 :]]
    return [f"not named: {pair}" for pair in pairs if pair not in said and _in_both(splits[pair[0]], splits[pair[1]])]


def _in_both(later: Sequence[Example], earlier: Sequence[Example]) -> int:
    known = {_plain(example) for example in earlier}
    return sum(_plain(example) in known for example in later)


def _plain(example: Example) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", " ".join(example.parts)).casefold()
    return tuple(text.split())


TRIALS = (Trial(21, "P9", "faults planted into data, and clean data", all_told),)
