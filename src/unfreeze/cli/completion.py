"""`unfreeze completion`: a script that completes the commands in bash, zsh or fish."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")

EXAMPLES = (
    "unfreeze completion bash > ~/.local/share/bash-completion/completions/unfreeze",
    'unfreeze completion zsh > "${fpath[1]}/_unfreeze"',
    "unfreeze completion fish > ~/.config/fish/completions/unfreeze.fish",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="where you type; write the script to the file named below")


def call(options: argparse.Namespace) -> int:
    from unfreeze.cli.completion_scripts import script

    print(script(options.shell), end="")
    return 0
