"""What is asked of a model, and what it answers, as the API documents them.

Requests are strict: no unknown key, no number for a text, nothing without bounds. Answers have the format of the
Hugging Face pipelines, as `Predictor.predict` gives them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from unfreeze.serving.options import MOST_CHARACTERS, MOST_INPUTS, MOST_QUESTION_CHARACTERS

# At least one character that is no blank: spelled out, for \s of Python, Rust and JavaScript differ in these.
NOT_BLANK = r"[^\s\x1c-\x1f\x85\ufeff]"

Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Written = Annotated[str, Field(max_length=MOST_CHARACTERS, pattern=NOT_BLANK)]
Question = Annotated[str, Field(max_length=MOST_QUESTION_CHARACTERS, pattern=NOT_BLANK)]
Words = Annotated[list[Annotated[str, Field(max_length=200)]], Field(min_length=1, max_length=2_000)]
Score = Annotated[float, Field(ge=0, le=1.001)]  # a sum of probabilities in fp32 may end just above 1


def _whole(given: Any) -> Any:
    """JSON knows no integers: 2.0 is the number 2, and a schema's `integer` takes it."""
    return int(given) if isinstance(given, float) and given.is_integer() else given


TopK = Annotated[int, Field(ge=1, le=1_000), BeforeValidator(_whole)]


class Strict(BaseModel):
    """Exactly what is documented."""

    model_config = ConfigDict(strict=True, extra="forbid")


class TextPair(Strict):
    """A text, with a second one for models of pairs."""

    text: Text = Field(examples=["A man plays a guitar."])
    text_pair: Text | None = Field(None, examples=["Somebody makes music."])


class QuestionInContext(Strict):
    """A question and the text that it is about."""

    question: Question = Field(examples=["Where does Ada live?"])
    context: Written = Field(examples=["Ada was born in Paris and lives in London."])


def _kind(given: Any) -> str:
    """Which alternative of `inputs` is meant, so that a mistake is told of that one alone. Names are in brackets
    to tell them from keys."""
    if isinstance(given, list):
        return "(list)"
    return "(text)" if isinstance(given, str) else "(object)"


TextOrPair = Annotated[Annotated[Text, Tag("(text)")] | Annotated[TextPair, Tag("(object)")], Discriminator(_kind)]
TextOrWords = Annotated[Annotated[Text, Tag("(text)")] | Annotated[Words, Tag("(list)")], Discriminator(_kind)]
ManyTextsOrPairs = Annotated[list[TextOrPair], Field(min_length=1, max_length=MOST_INPUTS)]
ManyTextsOrWords = Annotated[list[TextOrWords], Field(min_length=1, max_length=MOST_INPUTS)]
ManyQuestions = Annotated[list[QuestionInContext], Field(min_length=1, max_length=MOST_INPUTS)]
ManyWritten = Annotated[list[Written], Field(min_length=1, max_length=MOST_INPUTS)]


class ClassifyRequest(Strict):
    """Texts to classify."""

    inputs: Annotated[
        Annotated[Text, Tag("(text)")]
        | Annotated[TextPair, Tag("(object)")]
        | Annotated[ManyTextsOrPairs, Tag("(list)")],
        Discriminator(_kind),
    ] = Field(description="a text, a pair, or a list of them", examples=["nobody remembered, again"])
    top_k: TopK | None = Field(1, description="so many of the likeliest labels of each text; null: all of them")


class TagRequest(Strict):
    """Texts to find entities, parts of speech or other tags in."""

    inputs: Annotated[
        Annotated[Text, Tag("(text)")] | Annotated[ManyTextsOrWords, Tag("(list)")], Discriminator(_kind)
    ] = Field(
        description="a text, or a list of texts; one that is cut into words already is a list of them",
        examples=["Ada Lovelace lived in London."],
    )
    aggregation_strategy: Literal["none", "simple"] = Field("simple", description="whole entities, or each word")


class AnswerRequest(Strict):
    """Questions to answer out of their contexts."""

    inputs: Annotated[
        Annotated[QuestionInContext, Tag("(object)")] | Annotated[ManyQuestions, Tag("(list)")], Discriminator(_kind)
    ] = Field(
        description="a question with its context, or a list of them",
        examples=[{"question": "Where does Ada live?", "context": "Ada was born in Paris and lives in London."}],
    )
    top_k: TopK = Field(1, description="so many of the likeliest answers of each question")
    handle_impossible_answer: bool | None = Field(
        None, description="may there be no answer? null: where the model was trained with such questions"
    )


class FillMaskRequest(Strict):
    """Texts with a hidden word."""

    inputs: Annotated[
        Annotated[Written, Tag("(text)")] | Annotated[ManyWritten, Tag("(list)")], Discriminator(_kind)
    ] = Field(
        description="a text with the model's mask token in it, once or more, or a list of them; GET /v1/models tells "
        "the token",
        examples=["London is the [MASK] of England."],
    )
    top_k: TopK = Field(5, description="so many of the likeliest tokens in each place")


class LabelScore(BaseModel):
    """A label and how likely it is; for a model that gives a number, that number."""

    label: str
    score: float


class Entity(BaseModel):
    """Words that belong together, and where they stand in the text, in characters (Unicode code points)."""

    entity_group: str
    score: Score
    word: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class TaggedWord(BaseModel):
    """One word, or token, with its tag."""

    entity: str
    score: Score
    index: Annotated[int, Field(ge=0)]
    word: str
    start: Annotated[int, Field(ge=0)] | None
    end: Annotated[int, Field(ge=0)] | None


class FoundAnswer(BaseModel):
    """A part of the context; empty where there is no answer."""

    answer: str
    score: Score
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class FilledToken(BaseModel):
    """A token in the place of the mask, and the text with it."""

    score: Score
    token: Annotated[int, Field(ge=0)]
    token_str: str
    sequence: str


class ShownScore(BaseModel):
    """What the run that trained a model measured."""

    metric: str
    split: str
    value: float


class ShownModel(BaseModel):
    """One model that is served."""

    name: str
    task: str
    route: Literal["classify", "tag", "answer", "fill-mask"] = Field(description="POST /v1/models/{name}/{route}")
    family: str = Field(description="the kind of encoder, such as bert")
    labels: list[str]
    max_length: Annotated[int, Field(ge=1)] = Field(description="tokens that are read at once")
    mask_token: str | None
    score: ShownScore | None = Field(description="from the record of its run, where there is one")


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class QueueState(BaseModel):
    """What waits for one model."""

    waiting: Annotated[int, Field(ge=0)] = Field(description="inputs that wait")
    limit: Annotated[int, Field(ge=1)] = Field(description="more are told to come again")


class Ready(BaseModel):
    """All models are loaded and take requests."""

    status: Literal["ready"]
    models: dict[str, QueueState]
