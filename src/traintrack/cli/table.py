"""The one table of commands: help, parsing and the reference page are made from it.

Imports nothing heavy: `--help` reads it and no command's module.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """What stands behind an option."""

    SWITCH = "switch"
    TEXT = "text"
    COUNT = "count"


class Option(Struct, frozen=True):
    """An option; `flags` as written, short one first. `off` is the flag that takes a switch back.

    A switch with `off` is None where neither is given. A COUNT is a whole number from 1 on.
    """

    name: str
    flags: tuple[str, ...]
    help: str
    kind: Kind = Kind.SWITCH
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    off: str | None = None


class Argument(Struct, frozen=True):
    """Words without a flag: `many` takes all that are left."""

    name: str
    metavar: str
    required: bool = False
    many: bool = False
    choices: tuple[str, ...] = ()


class Command(Struct, frozen=True):
    """A command; its module is `traintrack.cli.commands.<name>`. `more` is the rest of its help, `examples` are lines to copy."""

    name: str
    help: str
    more: str = ""
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()


COMMON_OPTIONS = (
    Option("directory", ("-C",), "Act as if started in DIR.", Kind.TEXT, "DIR"),
    Option("env", ("--env",), "Use the environment NAME of TTWORKSPACE.yaml.", Kind.TEXT, "NAME"),
    Option("json", ("--json",), "Print one JSON document on stdout."),
    Option("quiet", ("-q", "--quiet"), "Tell only results, failures and errors."),
    Option(
        "verbose",
        ("-v", "--verbose"),
        "Tell more: each reused target or family, all reasons, the engine's command for each task.",
    ),
    Option("color", ("--color",), "Paint: auto, always or never.", Kind.TEXT, None, ("auto", "always", "never")),
)
"""Options of every command, taken before its name and after it; what stands later counts."""

PROGRESS_MODES = ("auto", "live", "plain")
SHELLS = ("bash", "zsh", "fish")

_PATTERNS = Argument("patterns", "[PATTERN]...", many=True)
_LABEL = Argument("label", "LABEL", required=True)
_SETS = Option(
    "sets",
    ("--set",),
    "Set a field, `args.lr=0.01`; of other targets `//a/...#args.lr=0.01`. Repeatable.",
    Kind.TEXT,
    "TEXT",
    repeatable=True,
)
_MEMBERS = Option("members", ("--members",), "A row for each member of a family.")
_WORKTREE = Option("worktree", ("--worktree",), "Take code from the working tree in place of the pinned commits.")
_PROFILE = Option(
    "profile", ("--profile",), "Lay the profile NAME over the targets; IDs follow from what results.", Kind.TEXT, "NAME"
)

COMMANDS: tuple[Command, ...] = (
    Command(
        "run",
        "Make targets and what they depend on, reusing what stands.",
        "What has a result is not run again. Without PATTERN: the targets of the current folder.",
        (_PATTERNS,),
        (
            Option("dry_run", ("-n", "--dry-run"), "Print the plan with its reasons, and run nothing."),
            Option("jobs", ("-j", "--jobs"), "Run at most N targets at once.", Kind.COUNT, "N"),
            Option("force", ("--force",), "Run the matching targets again and compare their bytes."),
            Option("replace", ("--replace",), "With --force: let the new result stand in place of the old one."),
            Option("fail_fast", ("--fail-fast",), "Start nothing new after the first failure."),
            Option("fresh", ("--fresh",), "Begin without checkpoints of earlier attempts."),
            Option(
                "no_share",
                ("--no-share",),
                "Make here what another run is making in a storage of `reads`, in place of waiting for it.",
            ),
            _WORKTREE,
            _SETS,
            _PROFILE,
            Option(
                "locked",
                ("--locked",),
                "Refuse where a pin is missing, in place of adding it. The default where CI is set.",
                off="--no-locked",
            ),
            Option("progress", ("--progress",), "Tell it live or line by line.", Kind.TEXT, None, PROGRESS_MODES),
            Option(
                "events", ("--events",), "Write a JSON line for each event to FILE, `-` or `fd:N`.", Kind.TEXT, "FILE"
            ),
            Option("trace", ("--trace",), "Write a trace to FILE that Perfetto and Chrome open.", Kind.TEXT, "FILE"),
        ),
        (
            "traintrack run //lp/2026-04:compare",
            "traintrack run //... -//lp:slow_benchmark -j 4",
            "traintrack run -n :trained_model",
        ),
    ),
    Command(
        "hash",
        "Print the ID of each target without running anything.",
        "Needs only the repository: no network, no storage.",
        (_PATTERNS,),
        (
            Option(
                "preimage", ("--preimage",), "Print the bytes whose SHA-256 is the ID of LABEL.", Kind.TEXT, "LABEL"
            ),
            _WORKTREE,
            _SETS,
            _PROFILE,
        ),
        ("traintrack hash //...", "traintrack hash --preimage :train | sha256sum"),
    ),
    Command(
        "pull",
        "Hand out the results of finished targets as paths.",
        "A pattern may go on into the result: `:train/weights/best.pt`, `:train#model`.",
        (_PATTERNS,),
        (
            Option(
                "output",
                ("-o", "--output"),
                "Copy the results into DIR, which may be `s3://…`: inside a bucket no byte comes here.",
                Kind.TEXT,
                "DIR",
            ),
            Option("force", ("--force",), "With -o: replace files in DIR that differ."),
            Option(
                "attempt",
                ("--attempt",),
                "What failed attempt N of LABEL had written; `last` is the newest.",
                Kind.TEXT,
                "N",
            ),
            _PROFILE,
        ),
        (
            "traintrack pull :trained_model",
            "traintrack pull //lp:compare -o out",
            "traintrack pull :trained_model --attempt last -o out",
        ),
    ),
    Command(
        "push",
        "Send results to the storage of another environment.",
        "What they were made from goes first; nothing that stands there is replaced. Ends with 8 if one is refused.",
        (_PATTERNS,),
        (
            Option("to", ("--to",), "The environment to send to; the first of `reads` if not given.", Kind.TEXT, "ENV"),
            _PROFILE,
        ),
        ("traintrack push :trained_model", "traintrack push //lp/... --to team"),
    ),
    Command(
        "ls",
        "List targets and what they run.",
        "A family that no PATTERN names is one row.",
        (_PATTERNS,),
        (_MEMBERS, _PROFILE),
        ("traintrack ls //...", "traintrack ls //lp:train"),
    ),
    Command(
        "show",
        "Print a target's merged fields and who wrote them.",
        "Each field is shown with the file and line that wrote it, and the layer it came from. Of a family: its axes.",
        (_LABEL,),
        (Option("record", ("--record",), "Print the record of its result as well."), _PROFILE),
        ("traintrack show :train", "traintrack show :train --record"),
    ),
    Command(
        "expand",
        "Write out what families and templates declare, as flat YAML.",
        (
            "Every `${…}` is filled; behind each field stand the file and line, and the layer, that it comes from. Of a family "
            "with more than 20 members the first 3 are shown."
        ),
        (_PATTERNS,),
        (
            Option("all_members", ("--all",), "Show all members of large families too."),
            Option("plain", ("--plain",), "Leave out the comments."),
            _WORKTREE,
            _SETS,
            _PROFILE,
        ),
        ("traintrack expand :cv", "traintrack expand ':train@lr=0.1,*' --plain"),
    ),
    Command(
        "add",
        "Copy a template that ships with traintrack into the workspace.",
        "Without NAME: list them. Nothing that is there is changed; what to write to use it is printed.",
        (Argument("template", "[NAME]"),),
        (
            Option(
                "to", ("--to",), "The folder whose TTCONFIG.yaml gets it; `//lib` if not given.", Kind.TEXT, "FOLDER"
            ),
        ),
        ("traintrack add", "traintrack add kfold", "traintrack add kfold --to //shared/templates"),
    ),
    Command(
        "status",
        "Show what is cached, running, failed, stale or missing.",
        "A family is one row with its counts and, below it, the first members without a result.",
        (_PATTERNS,),
        (_MEMBERS, _PROFILE),
        ("traintrack status //lp/...",),
    ),
    Command(
        "results",
        "Print a table of axes and metrics, a row for each member.",
        "Metrics are read from the output `metrics`, else from metrics.json. What is the same in all rows is told once, above.",
        (_PATTERNS,),
        (
            Option("file", ("--file",), "Read FILE of each result, or the output of that name.", Kind.TEXT, "FILE"),
            Option("sort", ("--sort",), "Sort by a column; `-NAME` begins with the largest.", Kind.TEXT, "NAME"),
            Option(
                "columns", ("--columns",), "Show these columns beside the axes: `auc,val.loss`.", Kind.TEXT, "NAMES"
            ),
            Option("all_columns", ("--all-columns",), "Show also the columns that are the same in all rows."),
            Option("args", ("--args",), "Show the arguments too."),
            Option(
                "over",
                ("--over",),
                "Take members together over these axes: mean ± sd. Without it: fold, seed and repeat.",
                Kind.TEXT,
                "AXES",
            ),
            Option("each", ("--each",), "A row for each member, also of folds and seeds."),
            Option("done", ("--done",), "Leave out what has no result."),
            Option("csv", ("--csv",), "Print CSV with all columns and digits; a row for each member unless --over."),
            _PROFILE,
        ),
        (
            "traintrack results :train --sort -val.accuracy",
            "traintrack results :train --over fold,seed",
            "traintrack results '//lp:train@lr=0.1,*' --csv > train.csv",
        ),
    ),
    Command(
        "log",
        "Print the log of a target, or what a run did.",
        "Without LABEL or RUN: the last run, failures first.",
        (Argument("about", "[LABEL|RUN]"),),
        (
            Option("attempt", ("--attempt",), "The log of attempt N in place of the newest one.", Kind.COUNT, "N"),
            Option("follow", ("-f", "--follow"), "Go on printing while the target runs."),
            _PROFILE,
        ),
        ("traintrack log", "traintrack log :train -f"),
    ),
    Command(
        "shell",
        "Open a shell where a task would stand, with all that it is given.",
        "The same environment, code, configuration and inputs. `exit` removes everything; nothing becomes a result.",
        (_LABEL,),
        (
            Option(
                "attempt",
                ("--attempt",),
                "What failed attempt N was given, with what it had written; `last` is the newest.",
                Kind.TEXT,
                "N",
            ),
            Option("line", ("-c",), "Carry out LINE in place of reading from the terminal.", Kind.TEXT, "LINE"),
            Option("print_only", ("--print",), "Print the command that opens the shell, and leave all laid out."),
            _PROFILE,
        ),
        ("traintrack shell :train", "traintrack shell :train --attempt last", "traintrack shell :train -c 'ls -R'"),
    ),
    Command(
        "why",
        "Say why a target ran, will run, is cached or waits.",
        "Goes down to the field, the file and line, and the commit that changed it.",
        (_LABEL,),
        (Option("tree", ("--tree",), "Print every cause below the one that it comes through, however many."), _PROFILE),
        ("traintrack why :compare", "traintrack why :compare --tree"),
    ),
    Command(
        "check",
        "Check the files of the workspace; tell every error at once.",
        "Looks at syntax, labels, cycles, schemas and code. Without PATTERN: the whole workspace.",
        (_PATTERNS,),
        (
            Option("fresh", ("--fresh",), "Ask sources too; end with 5 if one has moved or its pin is beyond max_age."),
            _PROFILE,
        ),
        ("traintrack check", "traintrack check --fresh //data/..."),
    ),
    Command(
        "lock",
        "Add the pins that are missing to TTLOCK.yaml.",
        "Without PATTERN: the whole workspace. With --update it is told first whose IDs change.",
        (_PATTERNS,),
        (
            Option("update", ("--update",), "Renew the pins of the targets that match PATTERN.", Kind.TEXT, "PATTERN"),
            Option(
                "check", ("--check",), "Write nothing; end with 5 if a pin is missing, and tell which tags have moved."
            ),
            _PROFILE,
        ),
        ("traintrack lock", "traintrack lock --check //..."),
    ),
    Command(
        "init",
        "Write a new workspace with one target that runs.",
        "In a repository with code it reads lock files and Dockerfiles, chooses an image that fits, and says why. Overwrites nothing.",
        (Argument("directory_to_fill", "[DIR]"),),
        (
            Option(
                "wrap",
                ("--wrap",),
                "Make SCRIPT the first target: an entry of yours turns arguments into its flags. It is read, not run.",
                Kind.TEXT,
                "SCRIPT",
            ),
            Option(
                "docker", ("--docker",), "Write Dockerfiles and tasks in containers, or use the Dockerfile there is."
            ),
            Option(
                "base", ("--base",), "With --docker: the image that the Dockerfiles build upon.", Kind.TEXT, "IMAGE"
            ),
            Option(
                "example",
                ("--example",),
                "Write an example in place of a minimal workspace.",
                Kind.TEXT,
                None,
                ("digits",),
            ),
            Option("name", ("--name",), "Name of the workspace; the folder's name if not given.", Kind.TEXT, "NAME"),
            Option("dry_run", ("-n", "--dry-run"), "Tell what would be written and why, and write nothing."),
        ),
        (
            "traintrack init plates",
            "traintrack init --dry-run",
            "traintrack init --wrap train.py",
            "traintrack init --example digits digits",
        ),
    ),
    Command(
        "clean",
        "Remove what dead runs left behind; never a result.",
        "What failed attempts had written goes after 14 days, the oldest first where it is too much.",
        (),
        (
            Option("dry_run", ("-n", "--dry-run"), "Tell what would go, and remove nothing."),
            Option("attempts", ("--attempts",), "Remove also what all failed attempts had written."),
        ),
        ("traintrack clean --dry-run", "traintrack clean --attempts"),
    ),
    Command(
        "gc",
        "Say what was not used for long; remove its bytes with --delete.",
        "Records, metrics, small reports and file lists stay. Without PATTERN: everything in the storage.",
        (_PATTERNS,),
        (
            Option("delete", ("--delete",), "Remove what is listed. Without it nothing is touched."),
            Option(
                "older_than",
                ("--older-than",),
                "The time since the last use, where a target says no `keep`; 180d if not given.",
                Kind.TEXT,
                "TIME",
            ),
            Option(
                "max_delete_fraction",
                ("--max-delete-fraction",),
                "Refuse if more than this share would go; 0.5 if not given.",
                Kind.TEXT,
                "SHARE",
            ),
            Option(
                "fence_after",
                ("--fence-after",),
                "Wait so long for who is just storing a result; 1h if not given.",
                Kind.TEXT,
                "TIME",
            ),
        ),
        ("traintrack gc", "traintrack gc --older-than 30d //scratch/...", "traintrack gc --delete"),
    ),
    Command(
        "pin",
        "Keep results for ever, whatever their age.",
        "A pin is of the result that stands now; it is kept in the storage, for all who use that.",
        (_PATTERNS,),
        (
            Option("name", ("--as",), "Give the pin a name.", Kind.TEXT, "NAME"),
            Option("why", ("-m", "--message"), "Say why.", Kind.TEXT, "TEXT"),
            Option("list", ("--list",), "Print the pins of this workspace."),
        ),
        ("traintrack pin :model --as best -m 'goes to production'", "traintrack pin --list"),
    ),
    Command(
        "unpin",
        "Take pins away.",
        "PIN is a label, the name of a pin, or the beginning of an ID.",
        (Argument("pins", "PIN...", required=True, many=True),),
        (),
        ("traintrack unpin best", "traintrack unpin :model"),
    ),
    Command(
        "du",
        "Show what takes the space of the storage.",
        "Results that share their bytes are counted once in the size. Without PATTERN: everything in the storage.",
        (_PATTERNS,),
        (
            Option(
                "by",
                ("--by",),
                "Put together by experiment (the default), task, user or label.",
                Kind.TEXT,
                None,
                ("experiment", "task", "user", "label"),
            ),
        ),
        ("traintrack du", "traintrack du --by task //lp/..."),
    ),
    Command(
        "verify",
        "Look for damage in the storage; set it aside with --repair.",
        "Without PATTERN: everything in the storage. Ends with 8 if something is wrong and was not repaired.",
        (_PATTERNS,),
        (
            Option("quick", ("--quick",), "Look at presence, sizes and types, and hash no file of a result."),
            Option("data", ("--data",), "Hash every byte; the default."),
            Option("sample", ("--sample",), "Hash only this share of the results, such as `1%`.", Kind.TEXT, "SHARE"),
            Option(
                "repair",
                ("--repair",),
                "Move what is damaged to `quarantine/`, so that a run makes it again.",
            ),
            Option(
                "rebuild",
                ("--rebuild",),
                "Run LABEL again beside its result, and name the files that differ.",
                Kind.TEXT,
                "LABEL",
            ),
            _PROFILE,
        ),
        (
            "traintrack verify --quick",
            "traintrack verify --repair //lp:compare",
            "traintrack verify --rebuild :train",
        ),
    ),
    Command("doctor", "Check this machine and workspace, and say what to repair.", "", (), (), ("traintrack doctor",)),
    Command(
        "completion",
        "Print what makes a shell complete commands and labels.",
        "In ~/.bashrc or ~/.zshrc: `source <(traintrack completion bash)`, or zsh.",
        (Argument("shell", "bash|zsh|fish", required=True, choices=SHELLS),),
        (),
        (
            "traintrack completion bash",
            "traintrack completion fish > ~/.config/fish/completions/traintrack.fish",
        ),
    ),
    Command("version", "Print the version.", "", (), (), ("traintrack version",)),
)


def command_named(name: str) -> Command | None:
    """Return the command of that name, None if there is none."""
    return next((command for command in COMMANDS if command.name == name), None)
