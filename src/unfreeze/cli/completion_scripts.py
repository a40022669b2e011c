"""The scripts that complete our commands, for each shell. They start no Python when a key is pressed."""

from __future__ import annotations

from collections.abc import Sequence

from unfreeze.cli.completion_words import Argument, Command, commands

LONGEST_HELP = 70


def script(shell: str) -> str:
    """The script for `bash`, `zsh` or `fish`."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands())


# bash cuts words at : and =, which strategies and samples hold; so the line is read anew, and what bash takes for done
# is cut off from the answers. Files are left to bash where no word of ours fits.
BASH = """\
# unfreeze in bash. Write it to ~/.local/share/bash-completion/completions/unfreeze, or source it.
_unfreeze() {
    local line="${COMP_LINE:0:COMP_POINT}" words cur prev flags="" values="" files="" taken="" breaks="" begun=""
    read -a words <<< "$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    COMPREPLY=()
    cur="${words[${#words[@]}-1]}"
    prev="${words[${#words[@]}-2]}"
    if [[ $cur == --*=* ]]; then
        prev="${cur%%=*}"
        cur="${cur#*=}"
    fi
    if (( ${#words[@]} < 3 )); then
        words[1]=""
        values="@COMMANDS@"
        flags="--help --version"
    fi
    case "${words[1]}" in
@CASES@
    esac
    [[ -z $taken && $cur == -* ]] && values="$flags" files=""
    local IFS=$' \\t\\n'
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
    [[ $COMP_WORDBREAKS == *:* ]] && breaks+=":"
    [[ $COMP_WORDBREAKS == *=* ]] && breaks+="="
    [[ -n $breaks ]] && begun="${cur%"${cur##*[$breaks]}"}"
    COMPREPLY=("${COMPREPLY[@]#"$begun"}")
    if [[ -n $files ]]; then
        IFS=$'\\n'
        COMPREPLY+=($(compgen -f -- "${cur##*=}"))
        compopt -o filenames 2> /dev/null
    fi
    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null
    return 0
}
complete -o bashdefault -o default -F _unfreeze unfreeze
"""


def _bash(known: Sequence[Command]) -> str:
    cases = []
    for command in known:
        flags = " ".join(name for one in command.flags for name in one.names)
        cases += [f"    {command.name})", f'        flags="{flags}"', *_bash_answer(command.arguments, "        ")]
        cases += ['        case "$prev" in']
        same: dict[tuple[str, ...], list[str]] = {}  # answer -> the flags that it is for
        for one in command.flags:
            if one.values is not None:
                same.setdefault(tuple(_bash_answer([one], "            ")), []).extend(one.names)
        for answer, names in same.items():
            cases += [
                f"        {'|'.join(names)})",
                '            taken=1 values="" files=""',
                *answer,
                "            ;;",
            ]
        cases += ["        esac", "        ;;"]
    return BASH.replace("@CASES@", "\n".join(cases)).replace("@COMMANDS@", " ".join(one.name for one in known))


def _bash_answer(arguments: Sequence[Argument], indent: str) -> list[str]:
    values = " ".join(value for one in arguments for value in one.values or ())
    files = any(one.files for one in arguments)
    return [*([f'{indent}values="{values}"'] if values else []), *([f"{indent}files=1"] if files else [])]


ZSH = """\
#compdef unfreeze
# unfreeze in zsh. Write it to a file _unfreeze in a folder of $fpath, or source it after compinit.
_unfreeze() {
    local curcontext="$curcontext" state line
    typeset -A opt_args
    local -a commands
    _arguments -C '(- *)--help[show this help]' '(- *)--version[print the version]' '1: :->command' '*:: :->arguments'
    case $state in
    command)
        commands=(
@COMMANDS@
        )
        _describe command commands
        ;;
    arguments)
        case $words[1] in
@CASES@
        esac
        ;;
    esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _unfreeze "$@"
else
    compdef _unfreeze unfreeze
fi
"""


def _zsh(known: Sequence[Command]) -> str:
    lines = [f"            {_quoted(f'{one.name}:{one.help}')}" for one in known]
    cases = []
    for command in known:
        specs = []
        for one in command.flags:
            action = "" if one.values is None else f":{one.names[0][2:]}:{_zsh_answer(one)}"
            told = _escaped(_short(one.help), "[]:\\")
            specs += [_quoted(f"{'*' if one.repeats else ''}{name}[{told}]{action}") for name in one.names]
        for one in command.arguments:
            specs.append(_quoted(f"{'*' if one.repeats else ''}: :{_zsh_answer(one)}"))
        cases += [f"        {command.name})", "            _arguments \\"]
        cases += [f"                {spec} \\" for spec in specs[:-1]] + [
            f"                {specs[-1]}",
            "            ;;",
        ]
    return ZSH.replace("@COMMANDS@", "\n".join(lines)).replace("@CASES@", "\n".join(cases))


def _zsh_answer(one: Argument) -> str:
    words = " ".join(_escaped(value, ":\\") for value in one.values or ())
    if one.files:
        return f"{{compadd -- {words}; _files}}" if words else "_files"
    return f"({words})" if words else " "


FISH = """\
# unfreeze in fish. Write it to ~/.config/fish/completions/unfreeze.fish, or source it.
function __unfreeze_is
    set -l words (commandline -opc) ''
    test "$words[2]" = "$argv[1]"
end
complete -c unfreeze -f
complete -c unfreeze -n "__unfreeze_is ''" -l help -d 'show this help'
complete -c unfreeze -n "__unfreeze_is ''" -l version -d 'print the version'
"""


def _fish(known: Sequence[Command]) -> str:
    lines = []
    for command in known:
        asked = f"complete -c unfreeze -n '__unfreeze_is {command.name}'"
        lines.append(f"complete -c unfreeze -n \"__unfreeze_is ''\" -a {command.name} -d {_fish_quoted(command.help)}")
        for one in command.flags:
            for name in one.names:
                lines.append(f"{asked} -l {name[2:]} {_fish_answer(one)} -d {_fish_quoted(_short(one.help))}")
        for one in command.arguments:
            answer = _fish_answer(one).removeprefix("-r").removeprefix("-x").strip()
            lines += [f"{asked} {answer}"] if answer else []
    return FISH + "\n".join(lines) + "\n"


def _fish_answer(one: Argument) -> str:
    if one.values is None:
        return ""
    words = f" -a {_fish_quoted(' '.join(one.values))}" if one.values else ""
    return ("-r -F" if one.files else "-x") + words


def _short(text: str) -> str:
    """The beginning of a help text, in one line."""
    first = " ".join(text.split(";")[0].split())
    return first if len(first) <= LONGEST_HELP else first[: LONGEST_HELP - 3] + "..."


def _escaped(text: str, signs: str) -> str:
    return "".join(f"\\{sign}" if sign in signs else sign for sign in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + _escaped(text, "\\'") + "'"
