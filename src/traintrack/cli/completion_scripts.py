"""The scripts that `traintrack completion` prints. They ask `traintrack _complete` at each TAB."""

from __future__ import annotations

# Bash and readline cut words at `:` and `=`, which labels hold. So the whole line is handed over, and what comes back
# is already without what readline keeps. It works with bash 3.2, which macOS has, and without the package bash-completion;
# only the completion of files wants bash 4.
_BASH = r"""
_traintrack_complete() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        if [[ $word == $'\tfiles' ]]; then
            compopt -o default +o nospace 2>/dev/null
            return
        fi
        COMPREPLY+=("$word")
    done < <("${1/#\~/$HOME}" _complete bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -o nospace -F _traintrack_complete traintrack
"""

_ZSH = r"""#compdef traintrack
_traintrack() {
    local line word
    local -a asked whole whole_about begun
    asked=("${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}")
    for line in "${(@f)$("${(Q)words[1]}" _complete zsh "${asked[@]}" 2>/dev/null)}"; do
        [[ -z $line ]] && continue
        if [[ $line == $'\tfiles' ]]; then
            _files
            return
        fi
        word=${line%%$'\t'*}
        if [[ $word == *[/:=] ]]; then
            begun+=("$word")
        else
            whole+=("$word")
            [[ $line == *$'\t'* ]] && whole_about+=("${(r:20:)word} ${line#*$'\t'}") || whole_about+=("$word")
        fi
    done
    (( $#begun )) && compadd -S '' -- "${begun[@]}"
    (( $#whole )) && compadd -l -d whole_about -- "${whole[@]}"
    (( $#begun + $#whole ))
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _traintrack "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _traintrack traintrack
fi
"""

_FISH = r"""
function __traintrack_complete
    set -l words (commandline -opc)
    set -l begun (commandline -ct)
    for line in ($words[1] _complete fish $words[2..-1] "$begun" 2>/dev/null)
        if test "$line" = \t"files"
            __fish_complete_path "$begun"
        else
            echo $line
        end
    end
end
complete -c traintrack -f -a '(__traintrack_complete)'
"""

SCRIPTS = {"bash": _BASH.lstrip(), "zsh": _ZSH, "fish": _FISH.lstrip()}
"""The script of each shell in `table.SHELLS`."""
