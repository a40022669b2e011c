"""What the processes do that `torchrun` started beside the first: all they need of the command is that it trains."""

from __future__ import annotations

import signal


def follow_command() -> int:
    """Help the first process until it ends; 0 or 1 as it, 2 if it gave up.

    Nothing of the command is read here: its files may lie on the first process's machine alone.
    """
    # Between two runs there is nothing to save, and a process that waits in torch for others hears no Python handler.
    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    from unfreeze.acceleration.joining import RanksError, join, local_rank
    from unfreeze.cli.compare import exit_code
    from unfreeze.cli.terminal import print_error
    from unfreeze.experiments.launchers.launcher import LauncherError
    from unfreeze.experiments.launchers.together import follow

    try:
        return exit_code(follow(join()))
    except RanksError as error:
        if local_rank() == 0:  # one for each machine says it
            print_error(str(error))
        return 2
    except LauncherError as error:
        print_error(str(error))
        return 2
