"""What a user may write: checked at once, in the user's words."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.sources import DataRequest
from unfreeze.settings import (
    ALIASES,
    Settings,
    SettingsError,
    flag,
    read_config_file,
    read_settings,
    unused_settings,
)
from unfreeze.settings.levers import LEVERS
from unfreeze.settings.model import DEFAULT_STRATEGIES
from unfreeze.strategies import Full, LoRA


def mistakes(**values: Any) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_settings(values)
    return list(raised.value.mistakes)


def test_defaults_are_those_of_the_design() -> None:
    settings, notes = read_settings({"model": "m", "data": "d"})
    assert notes == []
    assert settings.strategy == DEFAULT_STRATEGIES == ("head", "freeze:first=half", "lora", "full")
    assert (settings.seeds, settings.seed, settings.epochs, settings.learning_rate) == (3, 42, None, None)
    assert settings.early_stopping_patience == 3
    assert {str(s): s.epochs for s in settings.strategies()} == {
        "head": 30,
        "freeze:first=half": 3,
        "lora": 5,
        "full": 3,
    }


def test_all_mistakes_are_reported_at_once() -> None:
    found = mistakes(
        seeds=0,
        epochs="many",
        learning_rate=-1,
        max_length=3,
        eval_strategy="steps",
        warmup_steps=1.5,
        strategy=["ful", "lora:rank=3", "freeze:first=9..1"],
        sead=1,
    )
    assert len(found) == 10
    assert all(line.startswith("--") and "\n" not in line for line in found)
    whole = "\n".join(found)
    for part in (
        "--seeds 0: ",
        "--epochs many: ",
        "--learning-rate -1: ",
        "--max-length 3: ",
        "--eval-strategy steps: give --eval-steps N too",
        "--warmup-steps 1.5: expected a share below 1 or a whole number",
        "--strategy ful: unknown strategy 'ful'. Did you mean full?",
        "--strategy lora:rank=3: lora has no setting 'rank'",
        "--strategy freeze:first=9..1: first=9..1 is an empty range",
        "--sead: no such setting. Did you mean --seed?",
    ):
        assert part in whole


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("learning_rate", 0),
        ("weight_decay", float("inf")),
        ("max_grad_norm", -1),
        ("per_device_train_batch_size", 0),
        ("gradient_accumulation_steps", "1.5"),
        ("validation_fraction", 1),
        ("test_fraction", 0),
        ("lr_scheduler_type", "steep"),
        ("precision", "fp16"),
        ("speedups", "some"),
        ("task", "clustering"),
        ("strategy", []),
        ("seed", -1),
        ("early_stopping_patience", "never"),
        ("overwrite", "perhaps"),
    ],
)
def test_one_bad_value_is_one_line_with_its_flag(name: str, value: object) -> None:
    [line] = mistakes(**{name: value})
    assert line.startswith(f"{flag(name)} ")


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_names_of_the_stock_tools_are_translated_with_a_note(alias: str, name: str) -> None:
    value: Any = {"model": ("m",), "output": Path("o"), "eval_strategy": "epoch", "warmup_steps": 0.2}.get(name)
    value = value or ("words" if "column" in name else 12)
    settings, notes = read_settings({alias: value})
    assert getattr(settings, name) == value
    assert notes == [f"{flag(alias)} is called {flag(name)} here"]


def test_one_setting_under_two_names_is_a_mistake() -> None:
    assert mistakes(epochs=1, num_train_epochs=2) == ["--epochs: is given twice, under two names."]
    assert len(mistakes(epochs=1, num_train_epochs=2, seeds=0)) == 2


def test_hyphens_are_underscores() -> None:
    settings, _ = read_settings({"max-length": 64})
    assert settings.max_length == 64


@pytest.mark.parametrize(("value", "expected"), [("none", None), (None, None), ("2", 2), (5, 5)])
def test_patience_none_never_stops(value: object, expected: int | None) -> None:
    assert read_settings({"early_stopping_patience": value})[0].early_stopping_patience == expected


def test_one_value_stands_for_a_list() -> None:
    settings, _ = read_settings({"model": "m", "strategy": "full", "test_file": "a.csv"})
    assert (settings.model, settings.strategy, settings.test_file) == (("m",), ("full",), ("a.csv",))
    assert read_settings({"strategy": LoRA(r=2)})[0].strategies() == [LoRA(r=2)]


def test_strategies_expand_and_repeat_once() -> None:
    settings, _ = read_settings({"strategy": ["freeze:first=0..2", "full", Full(), "freeze:first=1"]})
    written = [str(strategy) for strategy in settings.strategies()]
    assert written == ["freeze:first=0", "freeze:first=1", "freeze:first=2", "full"]


def test_settings_do_not_change() -> None:
    settings, _ = read_settings({})
    with pytest.raises(ValueError, match="frozen"):
        settings.seeds = 9  # type: ignore[misc]


def test_every_setting_explains_itself() -> None:
    for name, info in Settings.model_fields.items():
        assert info.description, name


def test_the_data_request_takes_over_every_setting_it_shares() -> None:
    values: dict[str, Any] = {
        "data": "d", "task": "tagging", "format": "conll", "text_column": "t", "label_column": "l", "tag_column": "2",
        "label_names": "0=A", "encoding": "latin-1", "lower_case": True, "drop_missing_labels": True, "data_seed": 7,
        "max_train_samples": 3, "max_eval_samples": 4, "validation_fraction": 0.2, "test_fraction": 0.3,
        "validation_file": "v", "test_file": ("a=b",),
    }  # fmt: skip
    request = read_settings(values)[0].data_request()
    assert {name: getattr(request, name) for name in values} == values


def test_no_field_of_the_data_request_can_be_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = [*dataclasses.fields(DataRequest)]
    grown = dataclasses.make_dataclass("Grown", [(f.name, Any, None) for f in fields] + [("sampling", Any, None)])
    monkeypatch.setattr("unfreeze.settings.model.DataRequest", grown)
    with pytest.raises(AttributeError, match="sampling"):
        read_settings({})[0].data_request()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("0=A,1=B", "0=A,1=B"),
        ({0: "A", "1": "B"}, {"0": "A", "1": "B"}),
        (["A", "B"], {"0": "A", "1": "B"}),
        (("A",), {"0": "A"}),
    ],
)
def test_label_names_in_every_form(given: object, kept: object) -> None:
    settings, _ = read_settings({"label_names": given})
    assert settings.label_names == settings.data_request().label_names == settings.written()["label_names"] == kept


@pytest.mark.parametrize("given", ["0=A,B", {"0": ""}, 5, {0: True}, [False]])
def test_label_names_that_cannot_be(given: object) -> None:
    [line] = mistakes(label_names=given)
    assert line.startswith("--label-names ")


def test_settings_that_contradict_each_other() -> None:
    assert mistakes(eval_steps=5) == ["--eval-steps 5: is used with --eval-strategy steps only. Give that too."]
    assert mistakes(eval_steps=5, eval_strategy="often")[0].startswith("--eval-strategy often: ")
    read_settings({"eval_steps": 5, "eval_strategy": "steps"})
    [line] = mistakes(precision="bf16", speedups="off")
    assert line.startswith("--precision bf16 --speedups off: ")
    read_settings({"precision": "fp32", "speedups": "off"})


def test_settings_that_a_task_does_not_use() -> None:
    settings, _ = read_settings({"doc_stride": 4, "label_alignment": "all", "tag_column": 2, "label_separator": ";"})
    notes = unused_settings(settings, "classification")
    assert [note.split()[0] for note in notes] == [
        "--label-alignment",
        "--tag-column",
        "--label-separator",
        "--doc-stride",
    ]
    assert "--label-alignment all is not used: it is for tagging, this is classification" in notes
    assert unused_settings(settings, "a task of the user's own") == []
    assert [note.split()[0] for note in unused_settings(settings, "tagging")] == ["--label-separator"]
    assert unused_settings(read_settings({"label_separator": ";"})[0], "multi-label") == []
    assert unused_settings(read_settings({})[0], "classification") == []


@pytest.mark.parametrize("task", ["classification", "multi-label", "regression"])
def test_a_stride_is_for_texts_that_are_read_in_windows(task: str) -> None:
    for long_text in ("truncate", "head_tail"):
        [note] = unused_settings(read_settings({"doc_stride": 8, "long_text": long_text, "task": task})[0], task)
        assert (
            note == f"--doc-stride 8 is not used: it is for --long-text window_mean and window_max, this is {long_text}"
        )
    for long_text in ("window_mean", "window_max"):
        assert unused_settings(read_settings({"doc_stride": 8, "long_text": long_text})[0], task) == []
    for other in ("tagging", "question-answering"):
        assert unused_settings(read_settings({"doc_stride": 8})[0], other) == []


# Settings as YAML.


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_written_settings_read_back_the_same(tmp_path: Path) -> None:
    import yaml

    values = {
        "model": ["minilm", "a/b"],
        "data": "sample:ner",
        "strategy": ["freeze:first=0..2", "lora:r=4"],
        "speedups": "off",
        "early_stopping_patience": None,
        "output": "out",
        "learning_rate": 1e-4,
        "class_weights": "balanced",
        "tag_column": "3",
        "label_names": {0: "A", 1: "B"},
    }
    settings, _ = read_settings(values)
    path = config(tmp_path, yaml.safe_dump(settings.written(), sort_keys=False))
    assert read_settings(read_config_file(path))[0] == settings
    assert set(read_config_file(path)) == set(Settings.model_fields)


def test_single_speed_levers() -> None:
    assert read_settings({"speedups": "unpad+cache"})[0].levers == {"unpad", "cache"}
    assert read_settings({})[0].levers == set(LEVERS) and not read_settings({"speedups": "off"})[0].levers
    assert mistakes(speedups="unpad+magic") == [
        "--speedups unpad+magic: expected on, off, or some of precision, unpad, compact, cache joined with +."
    ]
    assert mistakes(speedups="cache") == ["--speedups cache: the cache holds tokens without padding. Add unpad."]
    [line] = mistakes(precision="bf16", speedups="unpad")
    assert line.startswith("--precision bf16 --speedups unpad: ")


@pytest.mark.parametrize(("word", "expected"), [("on", "on"), ("off", "off"), ("'off'", "off"), ("no", "off")])
def test_yaml_reads_on_and_off_as_booleans(tmp_path: Path, word: str, expected: str) -> None:
    settings, _ = read_settings(read_config_file(config(tmp_path, f"speedups: {word}\n")))
    assert settings.speedups == expected


def test_yaml_reads_a_column_as_a_number(tmp_path: Path) -> None:
    assert read_settings(read_config_file(config(tmp_path, "tag_column: 4\n")))[0].tag_column == "4"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n- b\n", "expected `key: value` lines"),
        ("", "expected `key: value` lines"),
        ("1: 2\n", "expected `key: value` lines"),
        ("a: [\n", "is not valid YAML"),
        ("a: !!python/object/apply:os.system ['true']\n", "is not valid YAML"),
        ("a: 2023-13-45\n", "is not valid YAML"),
        ("a: " + "- " * 5_000, "is not valid YAML"),
        ("? " * 5_000 + "a", "is not valid YAML"),
        ("a: !!int ''\n", "is not valid YAML"),
        ("a: !!timestamp x\n", "is not valid YAML"),
        ("a: " + "[" * 5000, "nested more than 20 deep"),
        ("a: &a [1]\nb: [" + "*a, " * 21 + "*a]\n", "more than 20 aliases"),
        ("a: " + "x" * 300_000, "more than 262,144 bytes"),
    ],
)
def test_a_file_that_is_no_settings(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_config_file(config(tmp_path, text))
    [line] = raised.value.mistakes
    assert line.startswith(f"--config {tmp_path}") and says in line and "\n" not in line


def test_half_a_surrogate_pair_is_no_setting() -> None:
    [line] = mistakes(strategy=["full", "lora:\ud83d=2"])
    assert "half of a surrogate pair" in line and line.isascii()


def test_a_few_aliases_are_read(tmp_path: Path) -> None:
    values = read_config_file(config(tmp_path, "strategy: &all [full, head]\nmodel: *all\n"))
    assert values == {"strategy": ["full", "head"], "model": ["full", "head"]}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read \(No such file"):
        read_config_file(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(SettingsError, match="is not valid YAML"):
        read_config_file(tmp_path / "bytes.yaml")


def test_data_in_memory_is_not_written_down() -> None:
    settings, _ = read_settings({"data": {"train": [("secret", "a")]}})
    assert settings.written()["data"] == "<dict in memory>"
    assert read_settings({"data": Path("d")})[0].written()["data"] == "d"


@pytest.mark.parametrize("given", ["10, 0.1,1", [10, 0.1, 1.0, 1], "1,10,0.1", (0.1, "1", 10)])
def test_factors_of_the_search_in_every_form(given: object) -> None:
    assert read_settings({"lr_search": True, "lr_search_factors": given})[0].lr_search_factors == (0.1, 1.0, 10.0)


@pytest.mark.parametrize("given", ["0.1,x", "0.1,,1", "1", "0.1,-1", "0.1,1e999"])
def test_factors_that_cannot_be(given: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_settings({"lr_search": True, "lr_search_factors": given})
    [mistake] = raised.value.mistakes
    assert mistake.startswith("--lr-search-factors ") and "expected numbers above 0" in mistake


@pytest.mark.parametrize(
    ("name", "value", "of"), [("lr_search_factors", "1,2", "--lr-search"), ("max_seeds", 12, "--until-decided")]
)
def test_what_only_serves_another_setting_is_not_dropped_silently(name: str, value: object, of: str) -> None:
    with pytest.raises(SettingsError, match=f"is used with {of} only"):
        read_settings({name: value})
    default = Settings.model_fields[name].default
    assert getattr(read_settings({name: default})[0], name) == default  # as --print-config writes it
