"""From what a user names to a corpus: files, folders, samples, in-memory data, and what is said on the way."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from unfreeze.data.bundled import sample_names
from unfreeze.data.examples import TaggedExample, TextExample
from unfreeze.data.findings import DataError
from unfreeze.data.locate import files_of_folder
from unfreeze.data.sources import Corpus, DataRequest, load_corpus, read_examples, report

PAIRS = [(f"text number {i}", "neg" if i % 2 else "pos") for i in range(20)]


def as_csv(start: int = 0, number: int = 20) -> str:
    return "text,label\n" + "".join(
        f"text number {i},{'neg' if i % 2 else 'pos'}\n" for i in range(start, start + number)
    )


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def sizes(corpus: Corpus) -> dict[str, int]:
    return {
        "train": len(corpus.train),
        "validation": len(corpus.validation),
        **{k: len(v) for k, v in corpus.tests.items()},
    }


def refused(**request: object) -> str:
    with pytest.raises(DataError) as raised:
        load_corpus(DataRequest(**request))
    return str(raised.value)


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "validation.csv", "test.csv"),
        ("imdb_train.csv", "imdb_dev.csv.gz", "imdb_test.csv"),
        ("data/train-00000-of-00001.csv", "data/val-00000-of-00001.csv", "data/test-00000-of-00001.csv"),
        ("train/a.csv", "valid/a.csv", "test/a.csv"),
        ("plain_text/train/0000.csv", "plain_text/validation/0000.csv", "plain_text/test/0000.csv"),
    ],
)
def test_folders_are_recognised(tmp_path: Path, names: tuple[str, ...]) -> None:
    for start, name in zip((0, 100, 200), names, strict=True):
        write(tmp_path / name, as_csv(start))
    write(tmp_path / "README.md", "about train and test")
    write(tmp_path / "LICENSE.txt", "for train")
    corpus = load_corpus(DataRequest(data=tmp_path))
    assert sizes(corpus) == {"train": 20, "validation": 20, "test": 20}
    assert corpus.name == tmp_path.name


def test_shards_are_joined_and_rivals_refused(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / f"train-{number:05}-of-00003.csv", as_csv(100 * number))
    assert sum(sizes(load_corpus(DataRequest(data=tmp_path))).values()) == 60
    write(tmp_path / "train.csv", as_csv())
    assert "several files could be train" in refused(data=tmp_path)


def test_folder_with_one_file_and_folder_without_training_data(tmp_path: Path) -> None:
    write(tmp_path / "one" / "reviews.csv", as_csv())
    assert sizes(load_corpus(DataRequest(data=tmp_path / "one"))) == {"train": 16, "validation": 2, "test": 2}
    write(tmp_path / "two" / "test.csv", as_csv())
    assert "no training file" in refused(data=tmp_path / "two")
    assert "no file of this folder" in refused(data=tmp_path)
    for name in "ab":
        write(tmp_path / name / "train.csv", as_csv())
    assert "several folders hold training data: a, b" in refused(data=tmp_path)
    for name in "ab":  # looks like a class folder too
        write(tmp_path / name / "LICENSE.txt", "free")
    assert "several folders hold training data: a, b" in refused(data=tmp_path)
    assert list(files_of_folder(tmp_path / "one", lambda finding: None)) == ["train"]


def test_wrong_paths_name_what_is_near(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", as_csv())
    assert f"Did you mean {path}?" in refused(train_file=str(tmp_path / "trian.csv"))
    said = refused(train_file=str(tmp_path / "x.csv"), test_file=(str(tmp_path / "y.csv"),))
    assert "x.csv" in said and "y.csv" in said and "holds: train.csv" in said
    assert "does not exist" in refused(data="./nowhere/at/all")
    assert "expected a file, this is a folder" in refused(train_file=str(tmp_path))


def test_named_test_sets(tmp_path: Path) -> None:
    train, first = write(tmp_path / "a.csv", as_csv()), write(tmp_path / "b=c.csv", as_csv(100, 4))
    other = write(tmp_path / "d.csv", as_csv(200, 6))
    files = (str(first), f"hausa={other}")
    corpus = load_corpus(DataRequest(train_file=str(train), test_file=files))
    assert sizes(corpus) == {"train": 18, "validation": 2, "test": 4, "hausa": 6}
    halves = {"train": train, "eval": other}
    assert sizes(load_corpus(DataRequest(data=halves))).keys() == {"train", "validation", "test"}
    assert "cannot be called 'predict'" in refused(data={"train": train, "predict": other})
    for name in ("", "eval", "predict"):
        assert f"cannot be called {name!r}" in refused(train_file=str(train), test_file=(f"{name}={first}",))
    assert "already taken" in refused(train_file=str(train), test_file=(f"x={first}", f"x={other}"))
    added = load_corpus(DataRequest(data=train, test_file=(f"hausa={other}",)))
    assert list(added.tests) == ["hausa"]


def test_settings_that_cannot_be() -> None:
    assert "no training data" in refused()
    said = refused(data="x", train_file="y", task="qa", validation_fraction=1.0, max_eval_samples=0)
    assert said.count("\n") == 3


def test_same_data_in_every_form_is_the_same_corpus(tmp_path: Path) -> None:
    import datasets
    import pandas

    rows = [{"text": text, "label": label} for text, label in PAIRS]
    numbers = [{"text": text, "label": int(label == "pos")} for text, label in PAIRS]
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    named = datasets.Dataset.from_list(numbers, features=features)
    named.to_parquet(tmp_path / "a.parquet")
    forms = [
        PAIRS,
        rows,
        [TextExample(text, label) for text, label in PAIRS],
        {"text": [text for text, _ in PAIRS], "label": [label for _, label in PAIRS]},
        {"train": PAIRS},
        pandas.DataFrame(rows),
        {"train": pandas.DataFrame(rows)},
        named,
        datasets.DatasetDict(train=named),
        write(tmp_path / "a.csv", as_csv()),
        write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows))),
        write(tmp_path / "b.json", json.dumps(rows)),
        write(tmp_path / "a.txt", "".join(f"{text};{label}\n" for text, label in PAIRS)),
        str(tmp_path / "a.parquet"),
    ]
    hashes = {load_corpus(DataRequest(data=form)).sha256 for form in forms}
    assert len(hashes) == 1
    for seed in (1, 2):
        hashes.add(load_corpus(DataRequest(data=PAIRS, data_seed=seed)).sha256)
    assert len(hashes) == 3


def test_float_labels_of_a_frame_are_the_classes_of_the_other_split(tmp_path: Path) -> None:
    import pandas

    frame = pandas.DataFrame({"text": list("abcdef"), "label": [0.0, 1.0] * 3})
    test = write(tmp_path / "test.csv", "text,label\nx,0\ny,1\n")
    corpus = load_corpus(DataRequest(data={"train": frame, "test": test}))
    assert {e.label for e in (*corpus.train, *corpus.tests["test"])} == {"0", "1"}
    frame.loc[2, "label"] = float("nan")
    assert "1 of 6 rows have no label" in refused(data=frame)
    half = pandas.DataFrame({"text": list("abcdefgh"), "label": [1.0, 1.5] * 4})
    assert {e.label for e in load_corpus(DataRequest(data=half)).train} == {"1.0", "1.5"}


@pytest.mark.parametrize("names", ["0=NEGATIVE,1=POSITIVE", {0: "NEGATIVE", "1": "POSITIVE"}, ["NEGATIVE", "POSITIVE"]])
def test_label_names(names: object) -> None:
    data = [(text, int(label == "pos")) for text, label in PAIRS]
    corpus = load_corpus(DataRequest(data=data, label_names=names))
    assert {e.label for e in corpus.train} == {"NEGATIVE", "POSITIVE"}
    assert "no name for the labels '1'" in refused(data=data, label_names="0=NEGATIVE")
    assert "expected e.g." in refused(data=data, label_names="0=A,B")


def test_integer_tags_with_names(tmp_path: Path) -> None:
    lines = [json.dumps({"words": ["Ada", f"w{i}"], "ner_tags": [1, 0], "pos_tags": [3, 4]}) for i in range(20)]
    path = write(tmp_path / "a.jsonl", "\n".join(lines))
    corpus = load_corpus(DataRequest(data=path, label_names="0=O,1=B-PER"))
    assert corpus.task == "tagging" and corpus.tag_scheme == "iob2"
    assert corpus.train[0].tags == ("B-PER", "O")
    assert load_corpus(DataRequest(data=path)).tag_scheme == "plain"
    other = load_corpus(DataRequest(data=path, label_column="pos_tags"))
    assert other.train[0].tags == ("3", "4")


def test_tags_of_other_schemes_become_iob2() -> None:
    sentences = [(("Ada", "Lovelace", f"w{i}", "Rome"), ("B-PER", "E-PER", "O", "S-LOC")) for i in range(20)]
    corpus = load_corpus(DataRequest(data=sentences))
    assert corpus.train[0].tags == ("B-PER", "I-PER", "O", "B-LOC")
    assert any("BIOES and converted" in note for note in corpus.notes)


def test_unseen_tags_are_judged_by_entity_type() -> None:
    train = [(("Ada", f"w{i}"), ("B-PER", "O")) for i in range(10)]
    inside = [(("Ada", "Lovelace"), ("B-PER", "I-PER"))]
    known = load_corpus(DataRequest(data={"train": train, "test": inside}))
    assert not any(finding.code == "unseen-label" for finding in known.findings)
    other = [(("Rome", "x"), ("B-LOC", "O"))]
    corpus = load_corpus(DataRequest(data={"train": train, "test": other}))
    (finding,) = [finding for finding in corpus.findings if finding.code == "unseen-label"]
    assert "test:1: the tag 'B-LOC' of test" in str(finding) and "counts as an error" in str(finding)


def test_an_unseen_label_stops_but_for_further_test_sets() -> None:
    strange = [("a text of another kind", "mixed")]
    assert "'mixed' of test" in refused(data={"train": PAIRS, "test": strange})
    corpus = load_corpus(DataRequest(data={"train": PAIRS, "test": PAIRS, "elsewhere": strange}))
    assert any("'mixed' of elsewhere" in str(finding) for finding in corpus.findings)


def test_subsets() -> None:
    corpus = load_corpus(DataRequest(data=PAIRS, max_train_samples=6, max_eval_samples=1))
    assert sizes(corpus) == {"train": 6, "validation": 1, "test": 1}
    assert sum("drawn with seed 42" in note for note in corpus.notes) == 3
    assert "does not occur in the training data" in refused(data=PAIRS, max_train_samples=1)


def test_lower_case_and_sha() -> None:
    upper = [(text.upper(), label) for text, label in PAIRS]
    lowered = load_corpus(DataRequest(data=upper, lower_case=True))
    assert lowered.sha256 == load_corpus(DataRequest(data=PAIRS)).sha256


def test_mixed_tasks_and_unlabelled_examples() -> None:
    assert "train is classification but test is tagging" in refused(data={"train": PAIRS, "test": [(["a"], ["O"])]})
    assert "have no label" in refused(data=[TextExample("a"), TextExample("b", "x")])
    assert "cannot read 5" in refused(data=[5])
    assert "cannot read data of type int" in refused(data=5)


def test_texts_that_are_no_text() -> None:
    assert "surrogate" in refused(data=[*PAIRS, ("half \ud83d", "pos")])
    corpus = load_corpus(DataRequest(data=[*PAIRS, ("\x1b[31mred", "pos")]))
    assert all("\x1b" not in str(finding) for finding in corpus.findings)


def test_notes_and_imbalance() -> None:
    many = [(f"text {i}", "usual") for i in range(100)] + [(f"odd {i}", "rare") for i in range(5)]
    corpus = load_corpus(DataRequest(data=many))
    assert any("unbalanced: 'usual' has 100" in note for note in corpus.notes)
    assert any("stratified, seed 42" in note for note in corpus.notes)


def test_report_is_plain_json() -> None:
    described = report(load_corpus(DataRequest(data=PAIRS)))
    assert json.loads(json.dumps(described)) == described
    train = described["splits"]["train"]
    assert train["examples"] == 16 and train["labels"] == {"pos": 8, "neg": 8} and train["words"]["mean"] == 3


@pytest.mark.parametrize("name", sample_names())
def test_samples_have_no_findings(name: str) -> None:
    corpus = load_corpus(DataRequest(data=f"sample:{name}"))
    assert corpus.findings == () and min(sizes(corpus).values()) > 50
    assert corpus.name == f"sample:{name}"


def test_unknown_sample() -> None:
    assert "there is no sample sample:nothing" in refused(data="sample:nothing")


def test_read_examples_keeps_labels_where_there_are_some(tmp_path: Path) -> None:
    labelled = write(tmp_path / "a.txt", "".join(f"{text};{label}\n" for text, label in PAIRS))
    assert [(e.text, e.label) for e in read_examples(labelled)] == PAIRS
    plain = write(tmp_path / "b.txt", "one; two\nthree; four\nfive\n")
    assert [(e.text, e.label) for e in read_examples(plain)] == [
        ("one; two", None),
        ("three; four", None),
        ("five", None),
    ]
    words = write(tmp_path / "c.jsonl", '{"tokens": ["a"]}\n{"tokens": []}\n{"tokens": ["b"]}\n')
    said: list[object] = []
    assert read_examples(words, say=said.append) == [
        TaggedExample(("a",), None, read_examples(words)[0].origin),
        TaggedExample(("b",), None, read_examples(words)[1].origin),
    ]
    assert read_examples(words)[1].origin.line == 3
    assert any("have no words" in str(finding) for finding in said)
    with pytest.raises(DataError, match="no tag column"):
        read_examples(words, labelled=True)


def test_files_that_replace_a_split_are_said(tmp_path: Path) -> None:
    for start, split in ((0, "train"), (100, "validation"), (200, "test")):
        write(tmp_path / "data" / f"{split}.csv", as_csv(start))
    other = str(write(tmp_path / "other.csv", as_csv(300, 6)))
    corpus = load_corpus(DataRequest(data=tmp_path / "data", validation_file=other, test_file=(f"more={other}",)))
    said = [note for note in corpus.notes if "is not used" in note]
    assert said == [f"the validation split of data is not used. {other} replaces it."]
    corpus = load_corpus(DataRequest(data=tmp_path / "data", test_file=(other,)))
    assert f"the test split of data is not used. {other} replaces it." in corpus.notes


def test_labels_that_a_drawn_subset_lacks_are_kept_as_findings() -> None:
    train = [((f"w{i}", "Ada"), ("O", "B-PER")) for i in range(20)] + [
        ((f"v{i}", "x"), ("O", "B-LOC")) for i in range(9)
    ]
    test = [(("Rome", "x"), ("B-LOC", "O")), (("Ada", "y"), ("B-PER", "O"))]
    whole = load_corpus(DataRequest(data={"train": train, "test": test}))
    assert not any(finding.code == "unseen-label" for finding in whole.findings)
    drawn = load_corpus(DataRequest(data={"train": train, "test": test}, max_train_samples=1))
    assert [finding.code for finding in drawn.findings].count("unseen-label") >= 1
