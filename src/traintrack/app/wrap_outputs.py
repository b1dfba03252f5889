"""Which options of a script name the place that it writes to: they get the output folder, not an argument."""

from __future__ import annotations

import posixpath
import re

from msgspec import Struct

from traintrack.app.wrap_options import Form, ScriptOption

# Which option is the folder itself, the first that there is; the others lie below it.
_FOLDERS = (
    *(
        "output_directory",
        "output_dir",
        "outdir",
        "out_dir",
        "output_folder",
        "output_path",
        "output",
        "out",
        "outputs",
    ),
    *(
        "save_dir",
        "save_directory",
        "savedir",
        "save_folder",
        "save_path",
        "save_to",
        "dest",
        "dest_dir",
        "destination",
    ),
    *(
        "results_dir",
        "result_dir",
        "results",
        "results_path",
        "exp_dir",
        "experiment_dir",
        "run_dir",
        "work_dir",
        "workdir",
    ),
    *(
        "model_output_dir",
        "model_dir_out",
        "export_dir",
        "artifacts_dir",
        "artifact_dir",
        "log_dir",
        "logdir",
        "logging_dir",
    ),
    *("checkpoint_dir", "checkpoints_dir", "ckpt_dir"),
)
_WRITTEN = re.compile(
    r"(?:^|_)(?:out|output|save|export|results?|write|dump|dest)(?:_|$)|(?:^|_)(?:out|output)(?:dir|file|path)$|^(?:metrics|report|log)_?(?:file|path|json)$"
)
_FILE_WORDS = re.compile(r"(?:^|_)(?:file|filename|csv|json|html|png|ckpt|checkpoint|onnx|pkl)$|file$")
_NOT_A_PLACE = re.compile(
    r"(?:^|_)(?:every|freq|frequency|interval|steps?|epochs?|strategy|format|size|dim|dims|type|mode|best|last|only|total|limit|"
    r"channels?|features?|units|classes|top_k|stride|activation|layer|layers|dropout|bias|precision|scale|n)(?:_|$)"
)
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,5}\Z")
_VALUES = (Form.VALUE, Form.LITERAL, Form.POSITIONAL)


class Outputs(Struct, frozen=True):
    """Maps options to paths below the output folder; `.` is the folder itself. Empty if the script names no place."""

    places: dict[str, str]


def choose_outputs(options: tuple[ScriptOption, ...]) -> Outputs:
    """Return which options get the output folder or a path in it.

    One option that names a file gets a file of that name; of several folders the most telling is the output folder.
    """
    written = [option for option in options if _is_place(option)]
    folders = sorted((o for o in written if not _file_name(o)), key=lambda option: _rank(option.name))
    places: dict[str, str] = {}
    for option in written:
        below = _file_name(option) or ("." if option is folders[0] else option.name)
        places[option.name] = below if below not in places.values() else f"{option.name}/{below}"
    return Outputs(places)


def _is_place(option: ScriptOption) -> bool:
    name = _plain(option.name)
    if option.form not in _VALUES or option.choices or _NOT_A_PLACE.search(name):
        return False
    if not isinstance(option.default, str) and type(option.default) in (int, float, bool, list):
        return False
    return name in _FOLDERS or _WRITTEN.search(name) is not None


def _file_name(option: ScriptOption) -> str:
    """The name of the file that an option stands for, empty if it is a folder."""
    default = option.default if isinstance(option.default, str) else ""
    if _SUFFIX.search(default):
        return posixpath.basename(default)
    named = _FILE_WORDS.search(_plain(option.name)) is not None
    told = re.search(r"\bfile\b", option.help, re.IGNORECASE) and not re.search(
        r"\b(dir|directory|folder)\b", option.help, re.IGNORECASE
    )
    return _plain(option.name) if (named or told) and _plain(option.name) not in _FOLDERS[:5] else ""


def _rank(name: str) -> int:
    plain = _plain(name)
    return _FOLDERS.index(plain) if plain in _FOLDERS else len(_FOLDERS)


def _plain(name: str) -> str:
    return name.rpartition(".")[2].lower()
