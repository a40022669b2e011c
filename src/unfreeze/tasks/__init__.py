"""What is learnt: one frozen dataclass a task. To add one, write its file and its line here."""

from unfreeze.tasks.classification import Classification
from unfreeze.tasks.multi_label import MultiLabel
from unfreeze.tasks.question_answering import QuestionAnswering
from unfreeze.tasks.regression import Regression
from unfreeze.tasks.tagging import Tagging
from unfreeze.tasks.task import Prediction, Task, TaskError

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "tagging": Tagging,
    "question-answering": QuestionAnswering,
    "multi-label": MultiLabel,
    "regression": Regression,
}

__all__ = [
    "TASKS",
    "Classification",
    "MultiLabel",
    "Prediction",
    "QuestionAnswering",
    "Regression",
    "Tagging",
    "Task",
    "TaskError",
]
