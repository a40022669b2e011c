"""What is learnt: one frozen dataclass a task. To add one, write its file and its line here."""

from unfreeze.tasks.classification import Classification
from unfreeze.tasks.masked_lm import MaskedLM, TranslationLM
from unfreeze.tasks.multi_label import MultiLabel
from unfreeze.tasks.question_answering import QuestionAnswering
from unfreeze.tasks.regression import Regression
from unfreeze.tasks.replaced_token import ReplacedToken
from unfreeze.tasks.sentence_pairs import NextSentence, SentenceOrder
from unfreeze.tasks.tagging import Tagging
from unfreeze.tasks.task import Prediction, Task, TaskError

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "tagging": Tagging,
    "question-answering": QuestionAnswering,
    "multi-label": MultiLabel,
    "regression": Regression,
    "masked-lm": MaskedLM,
    "translation-lm": TranslationLM,
    "next-sentence": NextSentence,
    "sentence-order": SentenceOrder,
    "replaced-token": ReplacedToken,
}
# What the objectives on plain text are called for short.
SHORT_NAMES = {
    "mlm": "masked-lm",
    "tlm": "translation-lm",
    "nsp": "next-sentence",
    "sop": "sentence-order",
    "rtd": "replaced-token",
}

__all__ = [
    "SHORT_NAMES",
    "TASKS",
    "Classification",
    "MaskedLM",
    "MultiLabel",
    "NextSentence",
    "Prediction",
    "QuestionAnswering",
    "Regression",
    "ReplacedToken",
    "SentenceOrder",
    "Tagging",
    "Task",
    "TaskError",
    "TranslationLM",
]
