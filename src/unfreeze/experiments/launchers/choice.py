"""Who makes the runs of a comparison."""

from __future__ import annotations

from unfreeze.acceleration.ranks import ALONE, Ranks
from unfreeze.experiments.launchers.in_process import InProcess
from unfreeze.experiments.launchers.launcher import Launcher, LauncherError
from unfreeze.experiments.launchers.local import LocalProcesses
from unfreeze.experiments.launchers.ray_tasks import RayTasks
from unfreeze.experiments.launchers.together import Together
from unfreeze.settings import Settings


def choose_launcher(settings: Settings, ranks: Ranks = ALONE) -> Launcher:
    """Runs in this process, each in one of its own, each as a task of Ray, or all of them in all processes together.

    Raises:
        LauncherError: that cannot be had here; a script without a main guard is refused before it works.
    """
    if not ranks.alone:
        if settings.launcher == "ray" or (settings.jobs or 1) > 1:
            said = "--launcher ray" if settings.launcher == "ray" else f"--jobs {settings.jobs}"
            raise LauncherError(
                f"{said}: {ranks.world} processes started together make one run at a time. Leave it out."
            )
        return Together(ranks)
    if settings.launcher == "ray":
        return RayTasks(settings.address, settings.cpus_per_run, settings.gpus_per_run)
    return InProcess() if settings.jobs is None else LocalProcesses(settings.jobs)
