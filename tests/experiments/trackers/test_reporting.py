"""What trackers are told, whatever they are: all that the records say, once, and at no run's cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.storage.records import find_runs, read_record

Reported = Callable[..., Any]


def check_against_record(page: Any, folder: Path) -> None:
    """Parameters, curves, results and status of a run are those of its record."""
    record = read_record(folder)
    assert page.chosen["strategy"] == record.strategy and page.chosen["seed"] == record.seed
    assert page.chosen["learning_rate"] == record.learning_rate
    assert page.chosen["trainable_parameters"] == record.trainable_parameters
    assert [step for step, _ in page.curve("train/loss")] == list(range(1, (record.steps or 0) + 1))
    rates = page.curve("train/learning_rate")
    assert [step for step, _ in rates] == list(range(1, (record.steps or 0) + 1))
    assert max(rate for _, rate in rates) <= page.chosen["learning_rate"] and rates[-1][1] < rates[-2][1]
    for name in record.history[0]["validation"]:
        assert page.curve(f"validation/{name}") == [(one["step"], one["validation"][name]) for one in record.history]
    assert page.curve("train/epoch_loss") == [(one["step"], one["train_loss"]) for one in record.history]
    for name, value in record.test.items():
        assert page.curve(f"test/{name}") == [(record.steps, value)]
    for name, value in record.tests["news"].items():
        assert page.curve(f"test/news/{name}") == [(record.steps, value)]
    for name, value in record.validation.items():
        assert page.curve(f"selected/{name}") == [(record.steps, value)]
    assert page.words["status"] == record.status == page.ends[-1]


def outcome(output: Path) -> dict[str, Any]:
    """What runs came to, without what differs from time to time."""
    found: dict[str, Any] = {}
    for folder in find_runs(output):
        record = read_record(folder)
        scores = [record.validation, record.test, record.tests, record.steps, record.learning_rate]
        curve = [{key: one[key] for key in ("epoch", "step", "train_loss", "validation")} for one in record.history]
        weights = {file.name: file.read_bytes() for file in (folder / "model").glob("*.safetensors")}
        place = str(folder.relative_to(output))
        found[place] = [scores, curve, weights, (folder / "predictions.jsonl").read_bytes()]
    return found


@pytest.fixture(scope="module")
def plain(run_comparison: Callable[..., Comparison], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The same comparison without a tracker."""
    return run_comparison(tmp_path_factory.mktemp("plain") / "out", seeds=2)


def test_everything_is_told_and_nothing_changes(
    notebook: Any, reported: Reported, plain: Comparison, tmp_path: Path
) -> None:
    done, said = reported(tmp_path / "out", "notebook", seeds=2)
    assert outcome(tmp_path / "out") == outcome(plain.output)
    assert len(outcome(plain.output)) == 2

    parent, children = notebook.parent(), notebook.children()
    assert sorted(children) == [str(folder.relative_to(done.output)) for folder in find_runs(done.output)]
    for folder, page in children.items():
        assert page.parent == parent.id and page.ends == ["done"]
        check_against_record(page, done.output / folder)
    assert parent.chosen["data_sha256"] == done.summary["data"]["sha256"] and parent.chosen["max_length"] == 48
    assert parent.words["recommended"] == "full" and parent.words["runs"] == "2 done" and parent.ends == ["done"]
    assert parent.words["recommendation"].startswith("recommended: full\n\n- ")
    assert set(parent.files) == {"settings.yaml", "comparison.json", "leaderboard.csv", "leaderboard.md"}
    assert "reported to notebook: in memory" in said


@pytest.mark.parametrize("call", ["run", "parameters", "metrics", "facts", "end"])
def test_a_tracker_that_breaks_costs_no_run(
    notebook: Any, reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(notebook, "breaks", call)
    done, said = reported(tmp_path / "out", "notebook")
    assert [record.status for record in done.records] == ["done"]
    [told] = [line for line in said if "broke" in line]
    assert told.startswith("notebook broke: ") and "\n" not in told
    if call != "metrics":
        return
    # A later command on the folder tells what is missing.
    monkeypatch.setattr(notebook, "breaks", "")
    reported(tmp_path / "out", "notebook")
    [page] = notebook.children().values()
    assert page.ends == ["done"] and page.curve("validation/loss") != [] and page.curve("train/loss") == []


def test_an_interrupted_comparison_goes_on_in_its_runs(
    notebook: Any, reported: Reported, plain: Comparison, tmp_path: Path
) -> None:
    done, _ = reported(tmp_path / "out", "notebook", seeds=2, interrupt=(2, 7))  # its last state is that of step 4
    assert done is None
    parent, (first, second) = notebook.parent(), notebook.children().values()
    assert (first.ends, second.ends, parent.ends) == (["done"], ["killed"], ["killed"])
    assert [step for step, _ in second.curve("train/loss")] == [1, 2, 3, 4, 5, 6]
    before = list(first.points)

    done, _ = reported(tmp_path / "out", "notebook", seeds=2)
    assert len(notebook.pages) == 3 and parent.ends == ["killed", "done"]
    assert (first.ends, second.ends) == (["done"], ["killed", "done"]) and first.points == before
    for folder, page in notebook.children().items():
        check_against_record(page, done.output / folder)
    assert outcome(done.output) == outcome(plain.output)

    _, _ = reported(tmp_path / "out", "notebook", seeds=2)  # nothing is left to do
    assert len(notebook.pages) == 3 and first.points == before and second.ends == ["killed", "done"]


def test_what_a_tracker_has_lost_is_told_anew(notebook: Any, reported: Reported, tmp_path: Path) -> None:
    reported(tmp_path / "out", "notebook")
    notebook.pages.clear()
    done, _ = reported(tmp_path / "out", "notebook")
    [(folder, page)] = notebook.children().items()
    record = read_record(done.output / folder)
    assert page.ends == ["done"] and [step for step, _ in page.curve("validation/loss")] == [9, 18]
    assert dict(page.curve("selected/loss")) == {record.steps: record.validation["loss"]}


@pytest.mark.parametrize(("rate", "status"), [(1e30, "diverged"), (2e-2, "failed")])
def test_runs_that_do_not_end_well(
    notebook: Any, reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float, status: str
) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        raise RuntimeError("no such luck")

    if status == "failed":
        monkeypatch.setattr("unfreeze.experiments.work.run", broken)
    done, _ = reported(tmp_path / "out", "notebook", learning_rate=rate)
    [page] = notebook.children().values()
    assert [record.status for record in done.records] == [status] == page.ends
    assert page.words["status"] == status and page.words["error"] == done.records[0].error
    assert notebook.parent().words["runs"] == f"1 {status}"


def test_trials_of_a_search_are_not_reported(notebook: Any, reported: Reported, tmp_path: Path) -> None:
    changes: Mapping[str, Any] = {"learning_rate": None, "lr_search": True, "lr_search_factors": "30,100", "epochs": 1}
    done, _ = reported(tmp_path / "out", "notebook", **changes)
    [(folder, page)] = notebook.children().items()
    assert folder.startswith("runs/") and page.chosen["learning_rate"] == done.records[0].learning_rate


@pytest.mark.parametrize(
    "content",
    ["[1]", '{"notebook": 3}', '{"notebook": {"id": "../../up"}}', '{"notebook": {"id": "a", "runs": {"b": "c d"}}}'],
)
def test_a_ledger_that_nobody_here_wrote_is_refused(
    notebook: Any, reported: Reported, tmp_path: Path, content: str
) -> None:
    reported(tmp_path / "out", "notebook", max_steps=1)
    (tmp_path / "out" / "trackers.json").write_text(content)
    with pytest.raises(ValueError, match=r"trackers\.json.*Move it out of the folder") as raised:
        reported(tmp_path / "out", "notebook", max_steps=1)
    assert "\n" not in str(raised.value)


def test_the_ledger_names_what_was_told(notebook: Any, reported: Reported, tmp_path: Path) -> None:
    reported(tmp_path / "out", "notebook", max_steps=1)
    entry = json.loads((tmp_path / "out" / "trackers.json").read_text())["notebook"]
    [(folder, page)] = notebook.children().items()
    assert entry == {"id": notebook.parent().id, "runs": {folder: page.id}, "ended": [folder]}
