"""Where a comparison is told to while it runs. To add a tracker, write its file and its line here."""

from unfreeze.experiments.trackers.mlflow import MLflow
from unfreeze.experiments.trackers.tensorboard import TensorBoard
from unfreeze.experiments.trackers.tracker import TrackedRun, Tracker, TrackerError
from unfreeze.experiments.trackers.trackio import Trackio
from unfreeze.experiments.trackers.wandb import WandB

TRACKERS: dict[str, type[Tracker]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WandB,
    "trackio": Trackio,
}

__all__ = ["TRACKERS", "MLflow", "TensorBoard", "TrackedRun", "Tracker", "TrackerError", "Trackio", "WandB"]
