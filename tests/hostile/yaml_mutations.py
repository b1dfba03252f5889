"""Makes hostile YAML: of bytes, of lines, of single values, and of structures that are known to break readers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Mutation = Callable[[random.Random, str, list[str]], bytes]

ODD_VALUES = (
    *("", "~", "null", "true", "yes", "0", "-1", "1.5", "1e999", ".inf", ".nan", "-0.0", "0x" + "f" * 900, "9" * 1000),
    *(
        "9" * 5000,
        "1e-400",
        "1e308",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{a: {b: {c: 1}}}",
        "[1, a, null]",
        "{1: 2}",
        "{a: null}",
    ),
    *('""', '" "', '"\\0"', '"\\u0000x"', '"a\\nb"', '"\\ud800"', '"\\U0001F600"', '"\\u202e"', '"\\x7f"', "'\u200b'"),
    *(":", '":"', '":x"', '"//"', '"///"', '"//../x:y"', '"//a/../b:c"', '"@"', '"@@:"', '"@a:b"', '"//a:train@*"'),
    *(
        '":data#"',
        '":data/../x"',
        '":data/a//b"',
        '"@main//a"',
        '"//a:b/"',
        '"//a\\\\b"',
        '":é"',
        '":\\n"',
        '"//other"',
    ),
    *(
        "!literal x",
        "!remove",
        "!remove ",
        "!!python/object:os.system x",
        "!!int 3",
        "!x y",
        "&a",
        "*a",
        "*anchor",
        "<<",
    ),
    *('"/etc/passwd"', '"../x"', '"~/x"', '"a/./b"', '"-rf"', '"$(touch x)"', '"a b"', '"${x}"', '"{commit}"', "."),
    *("2026-04-16", "12:30:45", "010", "0o17", "1_000", "1h", "16GiB", "999999999999999GiB", "0s", "-5m", "1e5d"),
    *(
        '"${lr}"',
        '"x-${lr}-${model.depth}"',
        '"${"',
        '"${}"',
        '"$${lr}"',
        '"${model}"',
        '"${model.w}"',
        '"$${"',
        '"${<1>}"',
    ),
    *(
        '"${a.b.c}"',
        '"${fold}${k}"',
        '"${options}"',
        '"${' + "a" * 2000 + '}"',
        '"' + "${lr}" * 300 + '"',
        "{lr}",
        "${lr}",
    ),
    *(
        '":sweep"',
        '":sweep@*"',
        '":sweep@."',
        '":sweep@lr=0.1,*"',
        '":sweep@lr=7"',
        '":sweep@lr=0.1,model=s/x#y"',
        '":sweep@,"',
    ),
    *(
        '":cv.train@fold=0"',
        '":cv.train@*"',
        '":search.eval@.,*"',
        '":day@d=2026-01-01"',
        ".train",
        '".train@."',
        '".split/x"',
        ".",
    ),
    *(
        "{range: 3}",
        "{range: 1000000000}",
        "{range: -1}",
        "{range: {from: 0, to: 1e9}}",
        "{dates: {from: x}}",
        "{sample: {n: 5}}",
    ),
    *(
        "{dates: {from: 0001-01-01, to: 9999-12-31, every: 1d}}",
        "{s: {a: 1}, l: 2}",
        "[1, '1']",
        "[1, 1.0, true, null]",
        '[":a", "//b:a"]',
    ),
    *(
        "{a: {range: 1000000}, b: {range: 1000000}}",
        "[{a: 1}, {a: 1}]",
        "[{a: 1}, {b: 1}]",
        "kfold",
        '["kfold", small]',
        '"//a:kfold"',
        "scaled",
    ),
    *(
        "[{match: {lr: 0.1}, args: {x: 1}}]",
        "[{match: {}}]",
        "{match: {lr: 0.1}}",
        "{evals: [{lr: 0.1}]}",
        "[{lr: 0.1}, {lr: 9}]",
        "{int: x}",
        "label",
    ),
    *("sha256:" + "0" * 64, "0" * 40, "0" * 64, "A" * 40, "HEAD", "worktree", "x" * 300, "'" + "é" * 2000 + "'"),
    *("|\n      text\n      more", ">-\n      folded", "? [a]\n      : b", "{a: &a [1, *a]}", "[&x {}, *x]"),
)

STRUCTURES = (
    lambda r: "targets: " + "[" * r.choice((10, 64, 65, 5000, 200_000)),
    lambda r: "a: " + "{b: " * r.choice((10, 63, 64, 65, 3000)) + "1" + "}" * r.choice((0, 63, 3000)),
    lambda r: "\n".join(" " * i + f"k{i}:" for i in range(r.choice((60, 66, 1000)))),
    lambda r: "- " * r.choice((64, 66, 100_000)) + "x",
    lambda r: bomb(r.choice((5, 10, 30)), r.choice((2, 10, 40))),
    lambda r: "a: &a [*a]",
    lambda r: "a: &a {b: &b {c: [*a, *b]}}",
    lambda r: "\n".join(f"k{i}: {i}" for i in range(r.choice((1000, 60_000, 110_000)))),
    lambda r: "\n".join("same: 1" for _ in range(r.choice((3, 500, 5000)))),
    lambda r: "k" * r.choice((255, 257, 1025, 1_500_000)) + ": v",
    lambda r: '"' + "\\x01" * r.choice((255, 257, 1100)) + '": v',
    lambda r: "? " + "k" * r.choice((257, 5000)) + "\n: v",
    lambda r: "v: '" + "x" * r.choice((1000, 1_900_000, 2_200_000)) + "'",
    lambda r: "v: " + "9" * r.choice((999, 1001, 4301, 1_000_000)),
    lambda r: "v: 0x" + "f" * r.choice((990, 1001, 1_000_000)),
    lambda r: "!" * r.choice((1, 1000, 100_000)),
    lambda r: "&" + "a" * r.choice((10, 100_000)) + " x",
    lambda r: "*" * r.choice((1, 1000)),
    lambda r: "%YAML 1.1\n---\na: 1",
    lambda r: "%TAG ! tag:x,2000:\n---\na: !x 1",
    lambda r: "---\n" * r.choice((2, 1000)) + "a: 1",
    lambda r: "...\n" * r.choice((1, 1000)),
    lambda r: "\n" * r.choice((10, 2_000_000)),
    lambda r: "#" * r.choice((10, 2_000_000)),
    lambda r: "\t" * r.choice((1, 50)) + "a: 1",
    lambda r: "a: |" + str(r.choice((0, 1, 9, 10, 99))) + "\n  x",
    lambda r: "{" + ", ".join(f"k{i}: {{}}" for i in range(r.choice((100, 20_000)))) + "}",
    lambda r: "[" + "," * r.choice((2, 1000)) + "]",
    lambda r: "<<: {a: 1}\n<<: [*x]",
    lambda r: "- &a x\n" + "- *a\n" * r.choice((10, 199_000, 250_000)),
    lambda r: '"' + "\\" * r.choice((3, 1001)),
    lambda r: "'" + "\n" * r.choice((10, 50_000)),
    lambda r: "each: {" + ", ".join(f"a{i}: {{range: {r.choice((2, 1000))}}}" for i in range(r.choice((3, 40)))) + "}",
    lambda r: "each: [" + ", ".join(f"{{a: {i}}}" for i in range(r.choice((300, 20_000)))) + "]",
    lambda r: "a: [" + ", ".join('":sweep@*"' for _ in range(r.choice((2, 3000)))) + "]",
    lambda r: "overrides: [" + ", ".join(f"{{match: {{lr: {i}}}}}" for i in range(r.choice((3, 3000)))) + "]",
    lambda r: "",
    lambda r: " ",
    lambda r: "null",
    lambda r: "[1, 2]",
    lambda r: "text",
)


def bomb(levels: int, width: int) -> str:
    """Aliases that stand for `width` to the power of `levels` values."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * width) + "]" for i in range(1, levels)]
    return "\n".join(lines)


def hostile(random_: random.Random, text: str, fragments: list[str]) -> bytes:
    """Return one hostile file made of `text`, the file that it stands in for; often several changes at once."""
    kind = random_.choices(MUTATIONS, WEIGHTS)[0]
    return kind(random_, text, fragments)


def of_values(r: random.Random, text: str, fragments: list[str]) -> bytes:
    """Put odd values in the place of values and keys, the structure around them left as it is."""
    for _ in range(r.choice((1, 1, 1, 2, 4))):
        places = list(re.finditer(r"(?<=: )[^,{}\[\]\n#]+|(?<=[\[{,] )[^,{}\[\]\n:#]+", text))
        if not places:
            break
        found = r.choice(places)
        text = text[: found.start()] + r.choice(ODD_VALUES) + text[found.end() :]
    return text.encode("utf-8", "surrogatepass")


def of_keys(r: random.Random, text: str, fragments: list[str]) -> bytes:
    """Rename, double or take away keys."""
    keys = list(re.finditer(r"[\w$]+(?=:)", text))
    for found in sorted(r.sample(keys, min(len(keys), r.choice((1, 2, 5)))), key=lambda m: -m.start()):
        word = r.choice(
            (
                "",
                "x",
                "1",
                "null",
                "<<",
                "each",
                "with",
                "use",
                "overrides",
                "except",
                "params",
                "'${lr}'",
                "match",
                "sample",
                r.choice(keys)[0],
                "'a b'",
                '"\\0"',
                "? x",
                "k" * 300,
                "é",
                "//a:b",
            )
        )
        text = text[: found.start()] + word + text[found.end() :]
    return text.encode()


def of_structures(r: random.Random, text: str, fragments: list[str]) -> bytes:
    """A structure that breaks readers: alone, below a target's `args`, or behind the text."""
    body = r.choice(STRUCTURES)(r)
    where = r.randrange(4)
    if where == 0:
        return body.encode()
    if where == 1:
        return f"{text}\n{body}\n".encode()
    indented = "\n".join("      " + line for line in body.split("\n"))
    if len(indented) > 3_000_000:
        indented = body
    if where == 2:
        at = r.choice(("    args:\n", "  report:\n", "  sweep:\n", "  kfold:\n", "targets:\n"))
        return text.replace(at, f"{at}{indented}\n", 1).encode()
    return f"x:\n{indented}".encode()


def of_lines(r: random.Random, text: str, fragments: list[str]) -> bytes:
    """Move, double, drop, indent and mix lines, with those of other files as well."""
    lines = text.split("\n")
    others = r.choice(fragments).split("\n")
    for _ in range(r.choice((1, 2, 5, 20))):
        i = r.randrange(len(lines)) if lines else 0
        match r.randrange(6):
            case 0:
                lines[i:i] = others[: r.randrange(1, 8)]
            case 1:
                del lines[i : i + r.randrange(1, 4)]
            case 2:
                lines[i : i + 1] = [" " * r.randrange(8) + line.lstrip() for line in lines[i : i + 1]]
            case 3:
                lines[i:i] = lines[i : i + r.randrange(1, 5)]
            case 4:
                lines[i:i] = [r.choice(others)]
            case _:
                r.shuffle(lines)
    return r.choice(("\n", "\r\n", "\r")).join(lines).encode("utf-8", "surrogatepass")


def of_bytes(r: random.Random, text: str, fragments: list[str]) -> bytes:
    """Flip, cut, double and insert bytes: NUL, half characters, byte-order marks, control characters."""
    data = bytearray(text.encode())
    odd = (
        b"\0",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\x1b[2J",
        b"\x7f",
        b"\xc2\x85",
        b"\t",
    )
    odd += (
        b"\xe2\x80\xa8",
        b"\xef\xbf\xbe",
        b"\xf4\x90\x80\x80",
        b"\r",
        b"\xf0\x9f",
        b": ",
        b"- ",
        b"&a ",
        b"*a ",
        b"'",
        b'"',
    )
    for _ in range(r.choice((1, 1, 2, 5, 30))):
        i = r.randrange(len(data) + 1)
        match r.randrange(5):
            case 0:
                data[i : i + 1] = bytes([r.randrange(256)])
            case 1:
                data[i:i] = r.choice(odd)
            case 2:
                del data[i : i + r.choice((1, 3, 40))]
            case 3:
                data[i:i] = data[i : i + r.randrange(80)]
            case _:
                data[:] = data[:i] if r.random() < 0.1 else data
    return bytes(data)


def of_nothing(r: random.Random, text: str, fragments: list[str]) -> bytes:
    """Random bytes, or random characters that YAML gives a meaning to."""
    if r.random() < 0.3:
        return r.randbytes(r.choice((1, 20, 500, 20_000)))
    signs = ":-?,[]{}#&*!|>'\"%@` \n\t=~$\\/abc019.é"
    return "".join(r.choices(signs, k=r.choice((3, 30, 300, 3000)))).encode()


MUTATIONS: tuple[Mutation, ...] = (of_values, of_keys, of_structures, of_lines, of_bytes, of_nothing)
WEIGHTS = (40, 10, 15, 15, 15, 5)
