"""How the runs of a comparison are started: one after another here, or each in a process of its own."""

from unfreeze.experiments.launchers.in_process import InProcess
from unfreeze.experiments.launchers.launcher import Death, Launcher, LauncherError
from unfreeze.experiments.launchers.local import LocalProcesses

__all__ = ["Death", "InProcess", "Launcher", "LauncherError", "LocalProcesses"]
