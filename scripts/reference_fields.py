"""What each field of the TT*.yaml files means, for the reference pages; tests hold the names against the loader."""

TARGET_FIELDS = {
    "task": ("hashed", "The program: the TASK_COMMAND of the image, called as `TASK CONFIG_YAML OUTPUT_DIRECTORY`."),
    "image": ("hashed", "Name of an entry of `images`, or an image written out."),
    "commit": (
        "hashed",
        "Full hash of the commit that code, lock files and schemas are read at; `HEAD`; or `worktree`.",
    ),
    "paths": (
        "hashed",
        "Files and folders of the code, from the workspace root. What is not in them is not there for the task.",
    ),
    "code": ("hashed", "`baked`: the image holds all code; nothing is exported."),
    "args": (
        "hashed",
        "What the task gets as configuration. Strings that begin with `:`, `//` or `@` name other targets.",
    ),
    "env": ("hashed", "Variables of the task, as text."),
    "secrets": (
        "names hashed",
        "Variables or files whose values are delivered and never stored: `{NAME: {env: NAME}}`.",
    ),
    "cache_version": ("hashed", "A number to raise when a result is to be made anew for a reason that no field tells."),
    "unhashed": ("", "Arguments that cannot change the result, such as a number of workers. No labels."),
    "resources": ("", "`cpu`, `memory`, `gpu`, `gpu_type`, `disk`, `shm`, `nodes`; sizes as `16GiB`."),
    "retries": ("", "How often a task's own failure is tried again; a number, or `{task, out_of_memory, timeout}`."),
    "timeout": ("", "Longest time of an attempt, such as `90m`."),
    "network": ("", "`true` where the task may reach the network."),
    "outputs": (
        "",
        "Names of files or folders that must exist after a success: `{model: model.onnx}`, read as `:t#model`.",
    ),
    "needs": ("", "Labels that must have succeeded first, though nothing of them is read."),
    "source": (
        "through its pin",
        "External data in place of a task: a path, `https://…`, `s3://bucket/prefix/`, or `efs://name/path`.",
    ),
    "pin": (
        "through its pin",
        "What a source is pinned by: `content`, or `listing`, which reads no byte and is the default for `s3://`.",
    ),
    "import": (
        "",
        "`true` brings a source into the storage, `false` leaves it where it is, as is the default for `s3://` and `efs://`.",
    ),
    "max_age": ("", "Age of a source's pin, such as `7d`, beyond which `check --fresh` fails."),
    "deliver": ("", "How an input gets to the task: `copy`, `mount` or `uri`."),
    "keep": (
        "",
        "How long after its last use the bytes of the result stay, such as `30d`, or `forever`; 180 days if not given.",
    ),
    "layout": (
        "",
        "`plain`: in a bucket each file of the result lies under its own name, for other tools; `show` prints where.",
    ),
    "max_parallel": (
        "",
        "How many of a family, the targets with one name before `@`, a run has running at once; from 1 on.",
    ),
    "description": ("", "A sentence for people; shown by `ls`."),
    "tags": ("", "Words for people."),
    "args_schema": ("", "A JSON Schema file that `args` must satisfy before anything runs."),
    "use": (
        "through the fields",
        "Templates to begin from, left to right: `name` of the same file, or `//folder:name`; or one graph of targets.",
    ),
    "with": ("through the fields", 'What the parameters of the templates stand for: `{dataset: ":data", k: 5}`.'),
    "each": (
        "through the fields",
        "The axes of a family: `{lr: [0.1, 0.01], seed: {range: 5}}`, a list of such maps, or `:family` for its axes.",
    ),
    "overrides": (
        "through the fields",
        "Fields for some members: a list of `{match: {depth: 50}, resources: {gpu: 4}}`.",
    ),
    "max_members": ("", "How many members the family may have, where that is more than 256."),
    "except": (
        "through what remains",
        "Members left out of a list, by argument: `{evals: [{lr: 0.1, fold: 3}]}`.",
    ),
}
"""Field of a target → what part it has in the ID, and what it says."""

IMAGE_FIELDS = {
    "ref": "A container image of a registry; its digest stands in TTLOCK.yaml.",
    "build": "A container image built from a Dockerfile: `{context, dockerfile, paths, args}`.",
    "python": "A Python version; with `lock`, an environment made by uv, without a container.",
    "lock": "The lock file of a Python image: `requirements.lock` or `uv.lock`, from the workspace root.",
    "groups": "Dependency groups that are installed, with a `uv.lock`.",
    "extras": "Extras that are installed, with a `uv.lock`.",
    "entrypoint": "Words before the task, where the image's own are not wanted; of a Python image `[python, -m]`.",
    "platform": "Such as `linux/amd64`; of containers the workspace's if not given.",
    "isolation": "What is loosened around the tasks of a container: `user: image` runs them as the user that the image names, `root: writable` lets them write into the image's own folders. Not part of the ID; recorded.",
}
"""Field of an image → what it says. Exactly one of `ref`, `build` and `python` stands in one."""

WORKSPACE_FIELDS = {
    "workspace": "Name of the workspace. Required.",
    "requires": 'Versions of traintrack that can read it, such as `">=0.1"`.',
    "platform": "The platform of container targets; declared, never detected. `linux/amd64` if not given.",
    "defaults": "Fields laid under every target; not `commit`, so that what an old experiment means stands still.",
    "images": "Images by name, for all experiments.",
    "tasks": "Default fields by task name, between `defaults` and the file's own.",
    "environments": "What `--env` names: `{runner, storage, …}` each, see below.",
    "default_env": "The environment without `--env`.",
    "profiles": "What `--profile NAME` lays over the targets: `description`, `defaults` for every task, `tasks` by task name.",
}
"""Field of TTWORKSPACE.yaml → what it says."""

ENVIRONMENT_FIELDS = {
    "runner": "Where tasks run: `local` is this machine. Required.",
    "storage": "Where results stay: a folder on a disk of this machine, or `s3://BUCKET/PREFIX`. Required.",
    "reads": "Names of environments whose results are reused as well, in the order of look-up; nothing is written there.",
    "push": "`clean`: at the end of a run, results of committed and pushed code go to the first of `reads`; `never` (not given): only `traintrack push` sends any.",
    "cpu": "How many processors tasks may have together; those of the machine if not given.",
    "memory": "How much memory tasks may have together, such as `64GiB`; that of the machine if not given.",
    "jobs": "How many tasks may run at once.",
    "gpus": "How many GPUs tasks may have together; those of the machine if not given.",
    "engine": "`docker` or `podman`: which engine runs containers; else the first of both that answers.",
    "registry": "`HOST/NAME`: where images that were built are pushed to, for other machines.",
    "mounts": "`{NAME: FOLDER}`: where `efs://NAME/` is.",
    "failed_attempts": "How much of what failed attempts had written is kept, such as `20GiB`.",
    "endpoint": "Address of a service that speaks S3, with `https://`; of a bucket only, else that of AWS or of `AWS_ENDPOINT_URL`.",
    "region": "Region of a bucket; else `AWS_REGION`.",
    "profile": "Profile of `~/.aws/config` with the credentials for a bucket; else those of the variables `AWS_…`.",
    "namespace": "Which results of a bucket are read and written: `default` if not given, or such as `dev/ann`, or `engine` where one role alone writes. Those of one namespace meet those of another only through `reads`.",
    "cache_limit": "How large the cache of what lies in buckets may become, in the user's cache folder for all workspaces: 100 GiB if not given. The variable `TRAINTRACK_CACHE_LIMIT` goes before it.",
    "heartbeat": "How often a run over a bucket shows that it lives, `10s` if not given; who is silent for six of them has died. Decided when a store is made, and the same for all who use it.",
}
"""Field of an environment → what it says."""

CONFIG_FIELDS = {
    "defaults": "Fields laid under every target of this file.",
    "images": "Images by name, for this experiment.",
    "templates": "Sets of fields by name, for `use` in this file.",
    "targets": "Targets by name.",
    "profiles": "As in TTWORKSPACE.yaml, over that; besides, `targets` by the name of a target of this file.",
}
"""Field of TTCONFIG.yaml → what it says."""

LOCK_FIELDS = {
    "images": "Image reference → digest of its index (`sha256:…`).",
    "bases": "`FROM` and `COPY --from` of Dockerfiles → digest.",
    "sources": "URI → `{content | listing, at}`; a `listing` beside a `content` is what was seen when that was read.",
    "trees": "Full commit hash → path → git tree id, or `<mode>:<blob id>` of a file.",
    "locks": "Full commit hash → lock file → SHA-256.",
    "refs": "Reference at a revision or an alias, as written → `{id, artifact, at}`.",
    "frozen": "Target → `{id, artifact, at}`: a label whose ID is read, not computed.",
}
"""Field of TTLOCK.yaml → what it says."""
