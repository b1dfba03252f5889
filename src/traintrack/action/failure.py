"""Why an attempt failed, in classes: what is tried again, and what is said about it."""

from __future__ import annotations

from enum import Enum


class FailureClass(str, Enum):
    """Whose fault a failed attempt was."""

    TASK = "task"
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "timeout"
    LOST = "lost-machine"
    IMAGE = "image"
    PLATFORM = "platform"
    CANCELLED = "cancelled"

    @property
    def retried_for_free(self) -> bool:
        """Tell if the platform is to blame, so that another try costs the user's `retries` nothing."""
        return self in (FailureClass.LOST, FailureClass.PLATFORM)

    @property
    def words(self) -> str:
        """The class in words for people."""
        return _WORDS[self]


_WORDS = {
    FailureClass.TASK: "the task failed",
    FailureClass.OUT_OF_MEMORY: "out of memory",
    FailureClass.TIMEOUT: "out of time",
    FailureClass.LOST: "the machine or process was lost",
    FailureClass.IMAGE: "the image could not be provided",
    FailureClass.PLATFORM: "the platform failed",
    FailureClass.CANCELLED: "cancelled",
}
