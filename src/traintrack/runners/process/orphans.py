"""Jobs whose runner has died: found by their files and marks, ended, and tidied up after."""

from __future__ import annotations

from collections.abc import Sequence

from traintrack.runners.contract.checkpoints import Checkpoints
from traintrack.runners.contract.closing import owner_tidied
from traintrack.runners.contract.job_file import JobFacts, JobFiles
from traintrack.runners.contract.proc_table import boot_id, is_alive, living
from traintrack.runners.contract.secret_files import remove_secrets
from traintrack.runners.contract.stage import remove_tree
from traintrack.runners.process.process_group import end_strangers, strangers

_OWNER_TIDIES_WITHIN_S = 10.0


def is_living(facts: JobFacts, jobs: JobFiles) -> bool:
    """Tell if anything of a job still lives: its runner, while it has not ended the job, or a process of it."""
    if facts.boot_id != boot_id() or not jobs.exists(facts):
        return False
    return facts.runner_lives or bool(strangers(facts.claim, jobs.process(facts)))


def living_jobs(candidates: Sequence[JobFacts], jobs: JobFiles) -> list[JobFacts]:
    """Return those of the candidates that live, with at most one look at every process of the machine."""
    found, unsure = [], []
    for facts in candidates:
        process = jobs.process(facts)
        if facts.runner_lives or (process is not None and is_alive(process)):
            found.append(facts)
        elif facts.boot_id == boot_id():
            unsure.append(facts)
    marked = living([facts.claim for facts in unsure])
    return [*found, *(facts for facts in unsure if facts.marker in marked)]


def end_orphan(facts: JobFacts, jobs: JobFiles, checkpoints: Checkpoints, grace_s: float) -> None:
    """End a job of another process with all that it started, save its checkpoint, and remove its folder.

    Its log goes too: it may hold secrets that only its own runner could mask. Repeating it is harmless.

    Raises:
        HostError: a process cannot be killed.
        OSError: its folder cannot be removed.
    """
    if facts.boot_id == boot_id():
        end_strangers(facts.claim, jobs.process(facts), grace_s)
        if facts.runner_lives and owner_tidied(
            lambda: facts.runner_lives, lambda: jobs.exists(facts), _OWNER_TIDIES_WITHIN_S
        ):
            return
    if jobs.exists(facts):
        checkpoints.seal(facts.flight)
        remove_secrets(facts.marker)
        remove_tree(facts.stage)
        remove_tree(facts.out)
        jobs.remove(facts)
