"""What is learnt: one frozen dataclass a task. To add one, write its file and its line here."""

from unfreeze.tasks.classification import Classification
from unfreeze.tasks.tagging import Tagging
from unfreeze.tasks.task import Prediction, Task, TaskError

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "tagging": Tagging,
}

__all__ = ["TASKS", "Classification", "Prediction", "Tagging", "Task", "TaskError"]
