"""What the exit codes mean; a promise to scripts, from which docs/reference/exit-codes.md is made."""

from __future__ import annotations

EXIT_CODES: tuple[tuple[int, str, str], ...] = (
    (0, "Done.", "All that was asked for has a result, or the question was answered."),
    (1, "A target failed.", "At least one target failed, or was blocked by one that did. `traintrack log` shows why."),
    (2, "Wrong usage.", "The words of the command line are wrong. Nothing was done."),
    (3, "Wrong files.", "Configuration or graph: YAML, an unknown label, a cycle, a missing pin under `--locked`."),
    (4, "Nothing there.", "No target matched, or the wanted result, run or log does not exist."),
    (5, "A gate said no.", "For instance `lock --check` where a pin is missing."),
    (6, "The machine said no.", "Git, engine, credentials, network, rights or disk. Trying again may help."),
    (7, "Cancelled.", "Somebody else ended the work."),
    (8, "Refused.", "Stored bytes are damaged, or not trusted."),
    (70, "A bug of ours.", "A report file is written; its path is printed."),
    (
        130,
        "Interrupted.",
        "Ctrl-C. A run lets what runs end at the first, asks it to end at the second, kills at the third.",
    ),
    (141, "Nobody reads.", "The reader of stdout has gone, as with `traintrack ls | head -1`."),
    (143, "Terminated.", "SIGTERM. A run asks its tasks to end, and kills them at the second."),
)
"""Code, what it means in two or three words, and in a sentence; in order."""
