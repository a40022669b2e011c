"""A comparison on questions: from a SQuAD file to scores, files, verdicts, and a model that answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import transformers
from peft import PeftModel

import unfreeze
from unfreeze.data.question_example import QuestionExample
from unfreeze.data.sources import DataRequest, load_corpus
from unfreeze.experiments.conclude import Comparison
from unfreeze.metrics.answers import answer_scores
from unfreeze.storage.records import read_predictions

SPLITS = {"train": 48, "validation": 16, "test": 20}


def squad(examples: Sequence[QuestionExample], unanswerable: int) -> dict[str, Any]:
    """SQuAD 2.0: the first ones have lost their answers."""
    paragraphs = []
    for i, one in enumerate(examples):
        answers = [{"text": answer.text, "answer_start": answer.start} for answer in one.answers or ()]
        context = one.context
        if i < unanswerable:
            answers, context = [], one.context.replace("berlin", "house").replace("lima", "day")
        asked = {"id": one.id, "question": one.question, "answers": answers, "is_impossible": i < unanswerable}
        paragraphs.append({"context": context, "qas": [asked]})
    return {"version": "v2.0", "data": [{"title": "places", "paragraphs": paragraphs}]}


@pytest.fixture(scope="module")
def compared(
    family_folder: Callable[..., str], make_questions: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Comparison:
    data = tmp_path_factory.mktemp("questions")
    for seed, (split, number) in enumerate(SPLITS.items()):
        content = squad(make_questions(number, seed=seed), number // 4)
        (data / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")
    return unfreeze.compare(
        model=family_folder("bert"),
        data=str(data),
        strategy=["full:learning_rate=1e-2", "lora:learning_rate=1e-2,r=4"],
        seeds=2,
        epochs=8,
        early_stopping_patience=None,
        max_length=48,
        doc_stride=8,
        per_device_train_batch_size=8,
        output=data / "out",
        plan=False,
        precision="fp32",
    )


def test_scores_are_those_of_the_predictions_with_the_threshold_of_validation(compared: Comparison) -> None:
    for record in compared.records:
        folder = (compared.output / str(record.model)).parent
        settings = json.loads((folder / "model" / "config.json").read_text())["unfreeze"]["task_settings"]
        assert settings["version_2_with_negative"] is True
        odds = json.loads((folder / "predict_null_odds.json").read_text())
        said = json.loads((folder / "predict_predictions.json").read_text())
        ranked = json.loads((folder / "predict_nbest_predictions.json").read_text())
        assert all((odds[name] > settings["null_score_diff_threshold"]) == (text == "") for name, text in said.items())
        assert all(text in [one["text"] for one in ranked[name]] for name, text in said.items())
        rows = read_predictions(folder, "test")
        assert [row["predicted"] for row in rows] == list(said.values())
        scores = [answer_scores(row["gold"], row["predicted"], unanswerable=True) for row in rows]
        for position, metric in enumerate(("exact_match", "f1")):
            mean = sum(one[position] for one in scores) / len(scores)
            assert record.test[metric] == pytest.approx(mean)
        assert record.breakdown["unanswerable"]["support"] == 5
        assert {"eval_predictions.json", "eval_nbest_predictions.json"} <= {path.name for path in folder.iterdir()}


def test_the_strategies_are_compared(compared: Comparison) -> None:
    assert compared.summary["task"] == "question-answering" and compared.summary["selection_metric"] == "f1"
    assert {pair["metric"] for pair in compared.summary["comparisons"]} == {"f1"}
    assert max(record.validation["f1"] for record in compared.records) > 0.4, "nothing was learnt"
    assert compared.summary["baseline"] is None
    for entry in compared.summary["disagreements"]:
        assert all(isinstance(answer, str) and answer for answer in entry["answers"].values())
    assert (compared.output / "report" / "index.html").is_file()


def test_the_saved_model_answers_and_is_scored_as_in_the_run(compared: Comparison) -> None:
    record = next(one for one in compared.records if one.strategy.startswith("full"))
    folder = (compared.output / str(record.model)).parent
    answer = unfreeze.predict(folder, {"question": "the", "context": "We saw Anna in Berlin and some house"})
    assert answer[0].keys() == {"answer", "score", "start", "end"}
    assert answer[0]["answer"] == "We saw Anna in Berlin and some house"[answer[0]["start"] : answer[0]["end"]]
    test = load_corpus(DataRequest(data=str(compared.output.parent))).tests["test"]
    evaluation = unfreeze.load(folder).evaluate(test)
    assert evaluation.metrics["f1"] == pytest.approx(record.test["f1"])


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft's own
def test_peft_loads_the_adapter_and_does_not_lose_the_segments(compared: Comparison) -> None:
    record = next(one for one in compared.records if one.strategy.startswith("lora"))
    folder = (compared.output / str(record.model)).parent
    settings = json.loads((folder / "model" / "adapter_config.json").read_text())
    base = transformers.AutoModelForQuestionAnswering.from_pretrained(settings["base_model_name_or_path"])
    adapted = PeftModel.from_pretrained(base, folder / "model").eval()
    merged = transformers.AutoModelForQuestionAnswering.from_pretrained(folder / "model-merged").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "model")
    inputs = tokenizer("the day", "we saw anna in lima", return_tensors="pt")
    assert "token_type_ids" in inputs
    with torch.inference_mode():
        torch.testing.assert_close(adapted(**inputs).start_logits, merged(**inputs).start_logits, rtol=1e-3, atol=1e-4)
        whole = {**inputs, "token_type_ids": torch.zeros_like(inputs["token_type_ids"])}
        assert not torch.allclose(adapted(**whole).start_logits, adapted(**inputs).start_logits, atol=1e-3)
