"""What a server answers is what the model says, alone and in batches."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfreeze.serving.options import ServingOptions
from unfreeze.serving.served_model import LoadedModel

QUESTION = {"question": "where in the house", "context": "anna saw karl in berlin and lima"}
INPUTS: dict[str, tuple[str, list[Any]]] = {
    "mood": ("classify", ["the happy day", {"text": "a", "text_pair": "some grief"}, "", "furious " * 30, "🙂"]),
    "names": ("tag", ["anna saw karl", ["anna", "in", "berlin"], "", "we saw " * 40, "\x00 \u200b"]),
    "reader": ("answer", [QUESTION, {"question": "a", "context": "in lima " * 30}]),
    "filler": ("fill-mask", ["the [MASK] day", "[MASK] in [MASK]", "we saw the house and [MASK]"]),
}


def close(found: Any, expected: Any) -> bool:
    """The same, with numbers equal to 1e-5."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == (pytest.approx(expected, abs=1e-5) if isinstance(expected, float) else expected)


@pytest.mark.parametrize("name", INPUTS)
def test_each_input_is_answered_as_the_model_answers_it(
    client: Any, loaded_models: dict[str, LoadedModel], name: str
) -> None:
    route, inputs = INPUTS[name]
    model = loaded_models[name].model
    for one in inputs:
        assert close(client.ask(name, route, [one]), model.predict([one]))
        if not isinstance(one, list):
            assert client.ask(name, route, one) == client.ask(name, route, [one])
    assert close(client.ask(name, route, inputs), [model.predict([one])[0] for one in inputs])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mood", {"top_k": 2}),
        ("mood", {"top_k": None}),
        ("names", {"aggregation_strategy": "none"}),
        ("reader", {"top_k": 3}),
        ("reader", {"handle_impossible_answer": True, "top_k": 2}),
        ("reader", {"handle_impossible_answer": None}),
        ("filler", {"top_k": 1}),
        ("filler", {"top_k": 2.0}),
        ("filler", {"top_k": 1000}),
    ],
)
def test_options_are_the_pipelines(
    client: Any, loaded_models: dict[str, LoadedModel], name: str, options: dict[str, Any]
) -> None:
    route, inputs = INPUTS[name]
    whole = {key: int(value) if isinstance(value, float) else value for key, value in options.items()}
    expected = loaded_models[name].model.predict(inputs[:1], **whole)
    assert close(client.ask(name, route, inputs[:1], **options), expected)


@pytest.mark.parametrize("name", INPUTS)
def test_what_waits_together_is_answered_as_if_alone(
    serving: Callable[..., Any], loaded_models: dict[str, LoadedModel], name: str
) -> None:
    """Many clients at once, with a wait that puts them into one batch; options differ, and some are refused."""
    route, inputs = INPUTS[name]
    alone = [loaded_models[name].model.predict([one])[0] for one in inputs]
    unfit = {"filler": "no mask here", "names": None, "mood": None, "reader": None}[name]
    with serving([loaded_models[name]], ServingOptions(max_wait_ms=300.0)) as client, ThreadPoolExecutor(24) as pool:
        calls = [pool.submit(client.ask, name, route, [one]) for _ in range(4) for one in inputs]
        bad = [pool.submit(client.call, "POST", f"/v1/models/{name}/{route}", {"inputs": unfit})] if unfit else []
        for call, expected in zip(calls, alone * 4, strict=True):
            assert close(call.result(), [expected])
        assert [call.result().status for call in bad] == [409] * len(bad)


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=60), more=st.lists(st.text(max_size=20), max_size=3))
def test_any_text_is_answered(client: Any, text: str, more: list[str]) -> None:
    """Whatever Unicode holds: a label for each text, entities that stand in it, and no failure inside."""
    texts = [text, *more]
    assert all(found["label"] in ("anger", "joy", "sadness") for found in client.ask("mood", "classify", texts))
    for one, entities in zip(texts, client.ask("names", "tag", texts), strict=True):
        assert all(one[entity["start"] : entity["end"]] == entity["word"] for entity in entities)
    assert len(client.ask("filler", "fill-mask", [one + " [MASK]" for one in texts])) == len(texts)


@settings(max_examples=25, deadline=None)
@given(question=st.text(min_size=1, max_size=30), context=st.text(min_size=1, max_size=60))
def test_any_question_is_answered_or_refused(client: Any, question: str, context: str) -> None:
    body = {"inputs": {"question": question, "context": context}}
    heard = client.call("POST", "/v1/models/reader/answer", body)
    if heard.status == 200:
        [found] = heard.json
        assert context[found["start"] : found["end"]] == found["answer"]
    else:
        blank = "\ufeff"  # no blank to Python, but one to JavaScript
        assert heard.status == 422 and (not question.strip(blank).strip() or not context.strip(blank).strip())
