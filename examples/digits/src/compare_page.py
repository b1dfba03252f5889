"""The comparison as one HTML file that needs nothing else: no script, no font, no picture from outside."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6675; --line: #d9dee5; --paper: #ffffff; --card: #f5f7fa;
  --good: #0b7a53; --bad: #b3261e; --right: #2563b8; --wrong: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7ebf1; --soft: #9aa6b5; --line: #323b48; --paper: #12161d;
  --card: #1b212b; --good: #4ec99a; --bad: #ff8a80; --right: #6ea8fe; --wrong: #ff9e64; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .6rem; } h2 { font-size: 1.15rem; margin: 2.6rem 0 .8rem; }
p { margin: 0 0 1rem; } .lead { font-size: 1.08rem; max-width: 46rem; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child { text-align: left; font-weight: 500; } thead th { color: var(--soft); font-weight: 600; }
tbody tr.total th, tbody tr.total td { font-weight: 650; } .up { color: var(--good); } .down { color: var(--bad); }
.pair { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); }
figure { margin: 0; } figcaption { color: var(--soft); font-size: .85rem; line-height: 1.35; }
.pair figcaption { margin-bottom: .4rem; font-weight: 600; } svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); text-anchor: middle; dominant-baseline: central; }
svg text.axis { fill: var(--soft); }
.digits { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); }
.digits figure { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem; }
.digits svg { margin-bottom: .45rem; border-radius: .25rem; background: var(--paper); }
"""

GROUPS = (
    ("fixed", "Misread before, read now"),
    ("broken", "Read before, misread now"),
    ("still_wrong", "Misread by both"),
)


def html_page(images, labels, old, new, changes, verdict):
    """Return the whole report; `changes` maps each of GROUPS to rows of the data set."""
    title = f"{new['name']} against {old['name']}"
    groups = "".join(_group(heading, changes[key], images, labels, old, new) for key, heading in GROUPS)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="lead">{escape(verdict)}</p>
<h2>Scores</h2>
{_score_table(old, new)}
<h2>Which digit was read as which</h2>
<p class="soft">Rows are what was written, columns what was read. Off the diagonal stand the mistakes.</p>
<div class="pair">{_confusion(old)}{_confusion(new)}</div>
{groups}</body>
</html>
"""


def _score_table(old, new):
    before, after = old["scores"], new["scores"]
    rows = [_score_row("Accuracy", before["accuracy"], after["accuracy"], "total")]
    rows.append(_score_row("F1, mean of digits", before["f1_macro"], after["f1_macro"], "total"))
    for digit, value in before["f1_per_digit"].items():
        rows.append(_score_row(f"F1 of digit {digit}", value, after["f1_per_digit"][digit], "digit"))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Measure", old["name"], new["name"], "Change"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _score_row(measure, before, after, kind):
    change = after - before
    direction = "up" if change > 0 else "down" if change < 0 else "same"
    cells = f'<td>{before:.3f}</td><td>{after:.3f}</td><td class="{direction}">{change:+.3f}</td>'
    return f'<tr class="{kind}"><th scope="row">{measure}</th>{cells}</tr>'


def _confusion(model):
    """Draw a confusion matrix: shade by share of the row, blue on the diagonal and orange off it."""
    cell, edge = 26, 22
    parts = []
    for i in range(10):
        middle = edge + i * cell + cell / 2
        parts.append(f'<text class="axis" x="{middle:g}" y="10">{i}</text>')
        parts.append(f'<text class="axis" x="10" y="{middle:g}">{i}</text>')
    for truth, row in enumerate(model["counts"].tolist()):
        for read, count in enumerate(row):
            if count:
                parts.append(_cell(edge + read * cell, edge + truth * cell, cell, count, sum(row), truth == read))
    size = edge + 10 * cell
    name = escape(model["name"])
    frame = f'<rect x="{edge}" y="{edge}" width="{10 * cell}" height="{10 * cell}" fill="none" stroke="var(--line)"/>'
    label = f"Confusion matrix of {name}"
    picture = f'<svg viewBox="0 0 {size + 1} {size + 1}" role="img" aria-label="{label}">{frame}{"".join(parts)}</svg>'
    return f"<figure><figcaption>{name}: {model['scores']['errors']} misread</figcaption>{picture}</figure>"


def _cell(x, y, size, count, row_total, right):
    colour, shade = ("var(--right)", 0.12 + 0.33 * count / row_total) if right else ("var(--wrong)", 0.25 + count / row_total)
    box = f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}" fill-opacity="{min(shade, 0.7):.2f}"/>'
    return f'{box}<text x="{x + size / 2:g}" y="{y + size / 2:g}">{count}</text>'


def _group(heading, rows, images, labels, old, new):
    if not rows:
        return ""
    figures = "".join(_digit(row, images[row], int(labels[row]), old, new) for row in rows)
    return f'<h2>{heading} ({len(rows)})</h2>\n<div class="digits">{figures}</div>\n'


def _digit(row, image, label, old, new):
    """Draw one 8 x 8 image of 0..16 in the colour of the ink, with what both models read."""
    dots = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill-opacity="{value / 16:.2f}"/>'
        for y, line in enumerate(image.tolist())
        for x, value in enumerate(line)
        if value
    )
    said = [f"{word} {model['said'][row]} ({model['confidence'][row]:.0%})" for word, model in (("old", old), ("new", new))]
    svg = (
        f'<svg viewBox="0 0 8 8" role="img" aria-label="row {row}, a {label}" fill="currentColor" '
        f'shape-rendering="crispEdges">{dots}</svg>'
    )
    return f"<figure>{svg}<figcaption>a <b>{label}</b><br>{said[0]}<br>{said[1]}</figcaption></figure>"
