"""Fuzzed files through the real way from bytes to IDs, in processes that have 200 MB each (faults F13)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from load_hostile import analyzed, verdict
from shop import within
from yaml_mutations import bomb
from yaml_seeds import FILES

from traintrack.errors import HostError, InputError, InputErrors
from traintrack.workspace.load import Loader, load_workspace

HERE = Path(__file__).resolve().parent
CPU_S = 5.0
"""Generous, so that a busy machine fails nothing; the figure that counts is the printed one."""


def fuzz(seed: int, count: int, folder: Path) -> dict[str, Any]:
    words = (sys.executable, str(HERE / "load_hostile.py"), str(seed), str(count), str(folder))
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=3000)
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-3000:]}"
    told: dict[str, Any] = json.loads(done.stdout)
    sys.stdout.write(f"seed {seed}: {told['ends']}, longest {told['slowest_cpu_s']} s, peak {told['peak_mib']} MiB\n")
    return told


def demand(told: Mapping[str, Any], count: int) -> None:
    assert told["wrong"] == [], told
    assert told["slowest_cpu_s"] < CPU_S, told
    assert told["ends"]["refused"] > count / 2, told


@pytest.mark.parametrize("seed", [11, 12])
def test_250_fuzzed_files_are_read_or_refused_with_their_places(seed: int, tmp_path: Path) -> None:
    demand(fuzz(seed, 250, tmp_path), 250)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 120))
def test_500_more_fuzzed_files_are_read_or_refused_with_their_places(seed: int, tmp_path: Path) -> None:
    demand(fuzz(seed, 500, tmp_path), 500)


def workspace(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in {**FILES, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def codes(root: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        analyzed(root)
    flat = caught.value.errors if isinstance(caught.value, InputErrors) else (caught.value,)
    return [error.code for error in flat]


def test_the_workspace_that_cases_begin_from_has_no_fault(tmp_path: Path) -> None:
    assert verdict(workspace(tmp_path, {})) == "fine"


def test_of_a_file_with_60000_faults_the_first_hundred_are_told(tmp_path: Path) -> None:
    text = "\n".join(f"k{i}: {i}" for i in range(60_000))
    for path in ("TTWORKSPACE.yaml", "a/TTCONFIG.yaml", "a/TTLOCK.yaml"):
        root = workspace(tmp_path / path.replace("/", "_"), {path: text})

        assert 1 <= len(codes(root)) <= 110


def test_of_8000_wrong_targets_the_first_hundred_are_told(tmp_path: Path) -> None:
    text = "targets:\n" + "".join(f"  t{i}: {{task: x, image: none}}\n" for i in range(8_000))
    root = workspace(tmp_path, {"a/TTCONFIG.yaml": text, "a/TTLOCK.yaml": "format: traintrack.lock/1\n"})

    assert 100 <= len(codes(root)) <= 110


@pytest.mark.parametrize(("levels", "width"), [(30, 10), (12, 40), (64, 2)])
def test_aliases_that_stand_for_too_many_values_are_refused(levels: int, width: int, tmp_path: Path) -> None:
    text = bomb(levels, width) + "\n"

    assert codes(workspace(tmp_path, {"a/TTCONFIG.yaml": text}))[0] == "yaml-limit"


@pytest.mark.parametrize(
    "field",
    [
        *('resources: {memory: "\\0x"}', 'timeout: "\\x1b[2J"', '"\\0": 1', 'needs: ["\\u202e"]'),
        *('except: {"\\0": [{a: 1}]}', 'each: {d: {dates: {"\\0": 1}}}', 'each: {"\\0": [1]}', 'each: {a: ["\\0"]}'),
        *('each: {a: [1]}, overrides: [{match: {"\\0": 1}}]', 'use: "\\0"', 'with: {"\\0": 1}', 'args: {a: "${\\0}"}'),
    ],
)
def test_control_characters_of_a_file_never_stand_in_a_message(field: str, tmp_path: Path) -> None:
    text = f"targets:\n  x: {{task: x, image: trainer, code: baked, {field}}}\n"
    root = workspace(tmp_path, {"a/TTCONFIG.yaml": text})

    assert verdict(root) == "refused"


@pytest.mark.parametrize(
    "template", ['"\\0": 1, targets: {}', 'params: {"\\0": int}', 'params: {a: "\\0"}', 'result: "\\0"']
)
def test_nor_do_those_of_a_template(template: str, tmp_path: Path) -> None:
    text = f"templates:\n  x: {{{template}}}\ntargets: {{}}\n"
    root = workspace(tmp_path, {"a/TTCONFIG.yaml": text})

    assert verdict(root) == "refused"


def test_a_source_that_cannot_be_printed_is_told_in_escapes(tmp_path: Path) -> None:
    text = 'targets:\n  x: {source: "\\u200b"}\n'

    assert verdict(workspace(tmp_path, {"a/TTCONFIG.yaml": text})) == "refused"


def test_a_requirement_that_cannot_be_printed_is_told_in_escapes(tmp_path: Path) -> None:
    text = FILES["TTWORKSPACE.yaml"].replace('">=0.1"', '"\\u200b"')

    assert verdict(workspace(tmp_path, {"TTWORKSPACE.yaml": text})) == "refused"


def test_templates_that_double_at_each_step_are_refused_before_they_are_laid_out(tmp_path: Path) -> None:
    rows = "".join(f"  t{i}: {{use: [t{i + 1}, t{i + 1}]}}\n" for i in range(40))
    text = f"templates:\n{rows}  t40: {{args: {{}}}}\ntargets:\n  x: {{task: x, use: t0}}\n"

    assert "template-limit" in codes(workspace(tmp_path, {"a/TTCONFIG.yaml": text}))


def test_a_chain_of_5000_templates_is_refused_without_exhausting_the_stack(tmp_path: Path) -> None:
    rows = "".join(f"  t{i}: {{use: t{i + 1}}}\n" for i in range(5000))
    text = f"templates:\n{rows}  t5000: {{args: {{}}}}\ntargets:\n  x: {{task: x, use: t0}}\n"

    assert "template-limit" in codes(workspace(tmp_path, {"a/TTCONFIG.yaml": text}))


def test_a_chain_of_8000_targets_is_analyzed_without_exhausting_the_stack(tmp_path: Path) -> None:
    row = '  t{}: {{task: x, image: trainer, code: baked, args: {{i: ":t{}"}}}}\n'
    rows = "".join(row.format(i, i + 1) for i in range(8_000))
    text = f"targets:\n{rows}  t8000: {{task: x, image: trainer, code: baked}}\n"

    assert verdict(workspace(tmp_path, {"a/TTCONFIG.yaml": text})) == "fine"


@pytest.mark.parametrize("name", ["TTLOCK.yaml", "TTCONFIG.yaml"])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    root = workspace(tmp_path, {})
    (root / "a" / name).unlink()
    os.mkfifo(root / "a" / name)

    with within(30), pytest.raises((HostError, InputError)):
        Loader(load_workspace(root)).experiment("a")


def test_a_link_to_an_endless_device_is_refused_and_not_read(tmp_path: Path) -> None:
    root = workspace(tmp_path, {})
    (root / "a/TTLOCK.yaml").unlink()
    (root / "a/TTLOCK.yaml").symlink_to("/dev/zero")

    with pytest.raises(HostError, match="regular file"):
        Loader(load_workspace(root)).experiment("a")


def test_a_file_of_a_tebibyte_is_refused_by_its_size(tmp_path: Path) -> None:
    root = workspace(tmp_path, {})
    with open(root / "a/TTLOCK.yaml", "wb") as file:
        file.truncate(1 << 40)

    assert codes(root) == ["yaml-limit"]


@pytest.mark.parametrize(("key", "code"), [("\\x01" * 160, None), ("\\x01" * 167, "long-key"), ("k" * 257, "long-key")])
@pytest.mark.parametrize("where", ["args", "unhashed"])
def test_a_key_that_some_reader_could_not_find_when_escaped_is_refused(
    key: str, code: str | None, where: str, tmp_path: Path
) -> None:
    text = f'targets:\n  x: {{task: x, image: trainer, code: baked, {where}: {{"{key}": 1}}}}\n'
    root = workspace(tmp_path, {"a/TTCONFIG.yaml": text})

    if code is None:
        assert verdict(root) == "fine"
    else:
        assert codes(root) == [code]


@pytest.mark.parametrize("path", ["TTWORKSPACE.yaml", "other/TTCONFIG.yaml"])
def test_long_keys_are_refused_in_every_layer(path: str, tmp_path: Path) -> None:
    key = "k" * 300
    text = FILES[path]
    if path == "TTWORKSPACE.yaml":
        text = text.replace("args: {epochs: 3}", f"args: {{{key}: 3}}")
    else:
        text += f"templates:\n  far: {{args: {{{key}: 1}}}}\n"

    assert codes(workspace(tmp_path, {path: text})) == ["long-key"]


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("keep: {default: 30d}", "unsupported"),
        ("layout: packed", "field-value"),
        ("each: {}", "no-axis"),
        ("each: {a: [1]}, with: {a: 1}", "misplaced-field"),
        ("each: {a: [1]}, overrides: [{match: {a: 2}}]", "unknown-coordinate"),
        ("overrides: []", "misplaced-field"),
        ("with: {}", "misplaced-field"),
        ("max_members: 1", "misplaced-field"),
        ("except: {a: [{b: 1}]}", "unknown-argument"),
        ('args: {"${a}": 1}', "interpolation"),
        ("baseline: {}", "unsupported"),
        ("checks: 1", "unsupported"),
        ("resources: {nodes: 2}", "unsupported"),
        ("image: {ref: r, isolation: {user: root}}", "field-value"),
        ("image: {ref: r, isolation: {network: host}}", "unknown-field"),
        ("deliver: {nothing: mount}", "unknown-argument"),
    ],
)
def test_no_field_is_ignored_in_silence(field: str, code: str, tmp_path: Path) -> None:
    image = "" if field.startswith("image") else "image: trainer, "
    text = f"targets:\n  x: {{task: x, {image}code: baked, {field}}}\n"

    assert code in codes(workspace(tmp_path, {"a/TTCONFIG.yaml": text}))


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("cpu: [1]", "field-type"),
        ("memory: true", "field-type"),
        ("jobs: -1", "field-value"),
        ("gpu: 1", "unknown-field"),
    ],
)
def test_an_option_of_a_local_environment_that_nothing_could_use_is_refused(
    option: str, code: str, tmp_path: Path
) -> None:
    text = FILES["TTWORKSPACE.yaml"].replace("cpu: 4, memory: 8GiB, jobs: 2, gpus: 0", option)

    assert codes(workspace(tmp_path, {"TTWORKSPACE.yaml": text})) == [code]
