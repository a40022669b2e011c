"""Faults of tagged sentences, in columns, in CoNLL-U and in JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak.planted import Fault, lines

Sentence = list[tuple[str, str]]
NAMES = ("Ada", "Bob", "Cleo", "Dora", "Emil", "Finn", "Gina", "Hugo")


def sentences(number: int, offset: int = 0) -> list[Sentence]:
    """Clean: a person of two words, a place of one; every sentence of five lines and no two alike."""
    return [
        [(NAMES[i % 8], "B-PER"), (f"Smith{offset + i}", "I-PER"), ("saw", "O"), ("Oslo", "B-LOC"), (".", "O")]
        for i in range(number)
    ]


def columns(made: Sequence[Sentence], separator: str = " ") -> bytes:
    """One word a line, a blank line behind each sentence: the i-th one begins on line 6 i + 1."""
    return "".join(
        "".join(f"{word}{separator}{tag}\n" for word, tag in sentence) + "\n" for sentence in made
    ).encode()  # fmt: skip


TRAIN, TEST = sentences(10), sentences(4, 100)
CLEAN = {"train.conll": columns(TRAIN), "validation.conll": columns(sentences(4, 200)), "test.conll": columns(TEST)}
NEXT = 6 * len(TRAIN) + 1  # the line of a sentence that is appended to the training data
WORDS = ("PROPN", "PROPN", "VERB", "PROPN", "PUNCT")


def conllu(number: int, offset: int = 0) -> list[str]:
    """Clean lines: the i-th sentence begins on line 7 i + 1 with a comment."""
    made = []
    for i, sentence in enumerate(sentences(number, offset)):
        made.append(f"# sent_id = {offset + i}")
        for place, ((word, _), tag) in enumerate(zip(sentence, WORDS, strict=True), start=1):
            made.append("\t".join([str(place), word, word, tag, "_", "_", "0", "root", "_", "_"]))
        made.append("")
    return made


def faults() -> list[Fault]:
    """All of them."""
    return [*_columns(), *_tags(), *_splits(), *_conllu(), *_json()]


def _raw(name: str, more: str, line: int, says: str) -> Fault:
    """Lines appended to the training data."""
    return Fault(name, {**CLEAN, "train.conll": CLEAN["train.conll"] + more.encode()}, f"train.conll:{line}", says)


def _tabs(name: str, more: str, line: int, says: str) -> Fault:
    """The same, where tabs are between the columns."""
    content = columns(TRAIN, "\t") + more.encode()
    return Fault(name, {**CLEAN, "train.conll": content}, f"train.conll:{line}", says)


def _columns() -> Iterator[Fault]:
    yield _raw("word without a tag", "Ada B-PER\nsaw\n", NEXT + 1, "1 columns, expected 2")
    yield _raw("one column too many", "Ada B-PER\nNew York B-LOC\n", NEXT + 1, "3 columns, expected 2")
    yield _raw("tag without a word", "Ada B-PER\n O\n", NEXT + 1, "1 columns, expected 2")
    yield _tabs("tab: word without a tag", "Ada\tB-PER\nsaw\t\n", NEXT + 1, "the tag is empty")
    yield _tabs("tab: tag without a word", "Ada\tB-PER\n\tO\n", NEXT + 1, "the word is empty")
    yield _tabs("tab: word of blanks", "Ada\tB-PER\n \tO\n", NEXT, "words that are empty or blank")
    yield _tabs("tab: word is a no-break space", "Ada\tB-PER\n\u00a0\tO\n", NEXT, "words that are empty or blank")
    yield _tabs("blanks in place of tabs", "Ada B-PER\n", NEXT, "1 columns, expected 2")
    yield _raw("marks of a merge", "<<<<<<< HEAD\nAda B-PER\n=======\nBob B-PER\n", NEXT + 2, "1 columns, expected 2")
    yield _raw("no blank lines", "".join(f"w{i} O\n" for i in range(1_200)), NEXT, "more than 1,000 words")
    yield _raw("huge word", f"{'x' * 2_000} O\nAda B-PER\n", NEXT, "words of more than 1,000 characters")
    yield _raw("control character in a word", "A\x1bda B-PER\n", NEXT, "U+001B")
    yield _raw("mark of byte order within", "\ufeffAda B-PER\n", NEXT, "U+FEFF")
    yield _raw("letters that were lost", "Ad\ufffd B-PER\n", NEXT, "U+FFFD")
    yield _raw("cut off within a tag", "Ada B-PER\nsaw O\nOslo B-L", NEXT + 2, "is the file cut off?")
    only = "".join(f"word{i}\n" for i in range(20)).encode()
    yield Fault("words only", {"train.conll": only}, "train.conll", "there are no tags")


def _tags() -> Iterator[Fault]:
    yield _raw("IOB2: begins with I-", "Ada I-PER\nsaw O\n", NEXT, "1 invalid IOB2 transitions")
    yield _raw("IOB2: another type goes on", "Ada B-PER\nOslo I-LOC\n", NEXT, "1 invalid IOB2 transitions")
    yield _raw("IOB2: goes on behind O", "Ada B-PER\nsaw O\nBob I-PER\n", NEXT, "1 invalid IOB2 transitions")
    yield _raw("tag with an underscore", "Ada B_PER\nsaw O\n", NEXT, "not like the others, B-TYPE and I-TYPE: 'B_PER'")
    yield _raw("tag without a type", "Ada B-\nsaw O\n", NEXT, "not like the others")
    yield _raw("o in place of O", "Ada B-PER\nsaw o\n", NEXT, "not like the others")
    yield _raw("0 in place of O", "Ada B-PER\nsaw 0\n", NEXT, "not like the others")
    yield _raw("type in other case", "Ada B-per\nsaw O\n", NEXT, "differ only in spelling")
    yield _raw("tag with a zero-width space", "Ada B-PER\u200b\nsaw O\n", NEXT, "U+200B")
    marked = [
        [(word, {"B-PER": "B-PER", "I-PER": "E-PER", "B-LOC": "S-LOC"}.get(tag, tag)) for word, tag in sentence]
        for sentence in TRAIN
    ]
    for name, more in (
        ("left open", "Ada B-PER\nsaw O\n"),
        ("ends without a beginning", "Ada E-PER\nsaw O\n"),
        ("goes on with another type", "Ada B-PER\nOslo E-LOC\n"),
        ("left open at the end", "saw O\nAda B-PER\n"),
    ):
        files = {"train.conll": columns(marked) + more.encode()}
        yield Fault(f"BIOES: {name}", files, f"train.conll:{NEXT}", "invalid BIOES marks")
    mixed = {"train.conll": columns(marked), "test.conll": CLEAN["test.conll"]}
    yield Fault("BIOES in one split, IOB2 in another", mixed, "test.conll:1", "invalid BIOES marks")


def _splits() -> Iterator[Fault]:
    def test(name: str, made: Sequence[Sentence], line: int, says: str) -> Fault:
        return Fault(name, {**CLEAN, "test.conll": columns(made)}, f"test.conll:{line}", says)

    unknown = [("Acme", "B-ORG"), ("grew", "O")]
    yield test("unseen type in test", [*TEST, unknown], 25, "does not occur in the training data")
    yield test("sentence of training in test", [*TEST, TRAIN[0]], 25, "is also in train")
    other = [(word, "O") for word, _ in TRAIN[0]]
    yield test("the same with other tags", [*TEST, other], 25, "is also in train, with another label")
    outside = [[(word, "O") for word, _ in sentence] for sentence in TEST]
    yield test("no entity in test", outside, 1, "every label of test is 'O'")
    nothing = {"train.conll": columns([[(word, "O") for word, _ in sentence] for sentence in TRAIN])}
    yield Fault("no entity at all", nothing, "train.conll:1", "every tag of the training data is 'O'")


def _conllu() -> Iterator[Fault]:
    def told(name: str, made: Sequence[str], line: int, says: str) -> Fault:
        files = {
            "train.conllu": ("\n".join(made) + "\n").encode(),
            "test.conllu": ("\n".join(conllu(3, 100)) + "\n").encode(),
        }
        return Fault(f"CoNLL-U: {name}", files, f"train.conllu:{line}", says)

    clean = conllu(10)
    yield told("a column too few", [*clean[:8], clean[8].rpartition("\t")[0], *clean[9:]], 9, "9 columns, expected 10")
    yield told("blanks in place of tabs", [*clean[:8], clean[8].replace("\t", " "), *clean[9:]], 9, "1 columns")
    yield told("no blank line between sentences", [*clean[:6], *clean[7:]], 7, "1 columns, expected 10")
    yield told("neither blank line nor comment", [*clean[:6], *clean[8:]], 7, "word 1 follows word 5")
    yield told("a line missing", [*clean[:3], *clean[4:]], 4, "word 4 follows word 2")
    yield told("no word number", [*clean[:8], "x" + clean[8], *clean[9:]], 9, "is not a word number")
    yield told("cut off", [*clean[:-3], clean[-3][:9]], 68, "cut off")
    yield told("a tag missing", [*clean[:8], clean[8].replace("PROPN", "_"), *clean[9:]], 9, "keep the tag '_'")
    yield told("a tag misspelt", [*clean[:8], clean[8].replace("PROPN", "PORPN"), *clean[9:]], 9, "no UPOS tags")
    empty = [line.replace("PROPN", "_").replace("VERB", "_").replace("PUNCT", "_") for line in clean]
    files = {"train.conllu": ("\n".join(empty) + "\n").encode()}
    yield Fault("CoNLL-U: no tags", files, "train.conllu", "'upos' is empty for every word")


def _json() -> Iterator[Fault]:
    clean = [
        {"tokens": [word for word, _ in sentence], "ner_tags": [tag for _, tag in sentence]} for sentence in TRAIN
    ]  # fmt: skip
    for name, row, says in (
        ("fewer tags than words", {"tokens": ["Ada", "saw"], "ner_tags": ["B-PER"]}, "2 words but 1 tags"),
        ("tags left out", {"tokens": ["Ada"]}, "'ner_tags' is missing"),
        ("a tag is null", {"tokens": ["Ada", "saw"], "ner_tags": ["B-PER", None]}, "a tag is missing or empty"),
        ("an empty word", {"tokens": ["Ada", ""], "ner_tags": ["B-PER", "O"]}, "words that are empty or blank"),
        ("no words", {"tokens": [], "ner_tags": []}, "have no words and are left out"),
        ("words in one text", {"tokens": "Ada saw", "ner_tags": ["B-PER", "O"]}, "is not a list of words"),
        ("tags in one text", {"tokens": ["Ada"], "ner_tags": "B-PER"}, "is not a list of tags"),
        ("tags of two types", {"tokens": ["Ada", "saw"], "ner_tags": [1, "O"]}, "labels of different types"),
    ):
        yield Fault(f"JSON: {name}", {"train.jsonl": lines([*clean, row])}, "train.jsonl:11", says)
