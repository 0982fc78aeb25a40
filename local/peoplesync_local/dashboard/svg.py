"""Elements of an SVG picture, as text."""

from __future__ import annotations

import html

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
FIXED_FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def number(value: float) -> str:
    """A coordinate: short, and the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """An element; an attribute's underscore stands for its hyphen, a last one is dropped (`class_`), and None
    leaves it out. Children are elements: text goes through `escaped`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="'
        f'{html.escape(value) if isinstance(value, str) else number(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def escaped(text: str) -> str:
    return html.escape(text, quote=False)


def text(x: float, y: float, words: str, class_: str, **attributes: str | float | None) -> str:
    """Words on the baseline `y`."""
    return element("text", escaped(words), x=x, y=y, class_=class_, **attributes)


def width_of(words: str, size: float, *, bold: bool = False) -> float:
    """About how wide words are in a sans-serif font: nothing here can ask one. Rather too much."""
    narrow = sum(character in "iljtfr.,:;'|!()- " for character in words)
    return size * (0.63 * (len(words) - narrow) + 0.37 * narrow) * (1.1 if bold else 1)


def shortened(words: str, size: float, width: float, *, bold: bool = False) -> str:
    """Words that fit into a width, the rest as an ellipsis."""
    if width_of(words, size, bold=bold) <= width:
        return words
    while words and width_of(words + "…", size, bold=bold) > width:
        words = words[:-1]
    return words.rstrip() + "…"
