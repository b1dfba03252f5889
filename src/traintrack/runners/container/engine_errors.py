"""What an engine said when it refused, as an error with the next step."""

from __future__ import annotations

import re

from traintrack.errors import HostError

# Code, what the engine says (docker's words and podman's), what it means, and the next step.
_KNOWN: tuple[tuple[str, str, str, str], ...] = (
    (
        "engine-denied",
        r"permission denied while trying to connect|dial unix .*permission denied|got permission denied",
        "no rights to talk to {engine}",
        "`sudo usermod -aG docker $USER`, then log in anew",
    ),
    (
        "engine-not-running",
        (
            r"cannot connect to the docker daemon|is the docker daemon running|failed to connect to the docker api"
            r"|cannot connect to podman|error during connect|context .* not found"
        ),
        "{engine} does not answer",
        "start it, as with `sudo systemctl start docker`, and try `{engine} info`",
    ),
    (
        "wrong-platform",
        (
            r"does not match the specified platform|no matching manifest|no image found in (manifest list|image index)"
            r"|exec format error"
        ),
        "the image is not made for this platform",
        "set `platform` in TTWORKSPACE.yaml to one that the image has, or build the image for this machine",
    ),
    (
        "registry-unreachable",
        (
            r"connection refused|no such host|i/o timeout|tls handshake|client\.timeout|network is unreachable|no route to"
            r"|dial tcp|http response to https client|x509|connection reset|temporary failure|bad gateway"
            r"|service unavailable|gateway time-?out|unexpected eof"
        ),
        "the registry cannot be reached",
        "check the network and the registry's name, then run again",
    ),
    (
        "registry-denied",
        (
            r"pull access denied|access to the requested resource|unauthorized|authentication required|no basic auth"
            r"|denied:|forbidden|invalid username/password|incorrect username or password"
        ),
        "the registry refuses",
        "`{engine} login{registry}` with an account that may use the image",
    ),
    (
        "name-in-use",
        r"name .* is already in use|container storage is already in use",
        "a container of this name exists already",
        "`{engine} rm -f NAME` if nobody needs it any more",
    ),
    (
        "no-such-image",
        (
            r"no such image|image not known|manifest unknown|manifest .*not found|not found: manifest|name unknown"
            r"|repository .*not (found|known)|unable to find image|failed to find image|short-name .* did not resolve"
            r"|reading manifest|failed to resolve reference"
        ),
        "there is no such image",
        "check the image's name, then `traintrack lock`",
    ),
    (
        "no-such-mount",
        r"bind source path does not exist|invalid mount config|statfs .*no such file|source .*no such file",
        "a file or folder to be mounted is not there, or {engine} does not see it",
        "run again; if it stays: {engine} must run on this machine and see its folders",
    ),
    (
        "no-gpu-support",
        r"could not select device driver|nvidia|unresolvable cdi|stat nvidia\.com",
        "{engine} cannot give a GPU to a container",
        "install the NVIDIA Container Toolkit, then `nvidia-ctk runtime configure`",
    ),
    (
        "no-init",
        r"container-init binary not found|docker-init.*not found",
        "{engine} lacks its init program",
        "install the package `catatonit` (podman) or `tini` (docker)",
    ),
    ("disk-full", r"no space left on device", "the disk of {engine} is full", "`{engine} system prune`"),
    (
        "resources-refused",
        r"range of cpus is from|minimum memory limit|minimum allowed memory|cpus.*available",
        "{engine} refuses the limits that the task asks for",
        "ask for what this machine has: `resources` of the target",
    ),
)
_COMPILED = tuple((code, re.compile(said, re.IGNORECASE | re.DOTALL), fact, hint) for code, said, fact, hint in _KNOWN)
_CHATTER = re.compile(r"^(run|see) '\S+ .*--help'.*$|^time=.* level=(warning|info).*$|^warning: .*$", re.IGNORECASE)
_PREFIX = re.compile(r"^(docker|podman|error|error response from daemon): ", re.IGNORECASE)


_LONGEST = 200


def refusal(engine: str, said: str, subject: str = "", fallback: str = "engine-failed") -> HostError:
    """Return the error for what an engine's program said on its standard error; `subject` is what it was about.

    Where the words are not known the error has the code `fallback` and the words themselves.
    """
    words = plain(said)
    details = tuple(words.splitlines()[-20:])
    about = f": `{subject}`" if subject else ""
    for code, pattern, fact, hint in _COMPILED:
        if pattern.search(words):
            return HostError(
                fact.format(engine=engine) + about,
                code=code,
                hint=hint.format(engine=engine, registry=_registry(subject)),
                details=details,
            )
    said_first = f": {details[0][:_LONGEST]}" if details else ""
    return HostError(
        f"{engine} failed{about}{said_first}",
        code=fallback,
        hint=f"see what it says, and try `{engine} info`",
        details=details,
    )


def _registry(ref: str) -> str:
    """The registry in an image's name, behind a blank; empty for docker.io, which needs no name."""
    first, slash, _ = ref.partition("/")
    return f" {first}" if slash and ("." in first or ":" in first or first == "localhost") else ""


def container_refusal(engine: str, said: str, name: str, image: str) -> HostError:
    """Return the error for a container that could not be made: about its image, or about the container itself."""
    error = refusal(engine, said, image, "container-not-made")
    if error.code in ("no-such-image", "wrong-platform"):
        return error
    return refusal(engine, said, name, "container-not-made")


def plain(said: str) -> str:
    """Return what an engine said without its prefixes and its advice on usage."""
    lines = [line.strip() for line in said.splitlines()]
    kept = [line for line in lines if line and not _CHATTER.match(line)] or [line for line in lines if line]
    if not kept:
        return ""
    first = kept[0]
    while match := _PREFIX.match(first):
        first = first[match.end() :]
    return "\n".join([first, *kept[1:]])


def missing_program(engine: str) -> HostError:
    """Return the error for an engine whose program is not installed."""
    return HostError(
        f"there is no program `{engine}` here",
        code="engine-missing",
        hint=f'install {engine}, or use a Python image (`python: "3.11"`), which needs no containers',
    )


def silent(engine: str, timeout_s: float) -> HostError:
    """Return the error for an engine that does not answer in time."""
    return HostError(
        f"{engine} has not answered for {timeout_s:.0f} s",
        code="engine-not-running",
        hint=f"see if `{engine} info` answers, restart it if it does not",
    )
