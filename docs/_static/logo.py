"""Draw logo.svg: two complementary masks, each of which hides what the other shows.

python docs/_static/logo.py
"""

from pathlib import Path

FIRST_VIEW = ("1100", "0101", "1010", "0011")  # half of every row and column
BLUE, ORANGE = "#2F8FCC", "#E69F00"  # of the Okabe-Ito palette, the blue readable on black as well
STEP, SIDE, RADIUS = 8, 7, 1.5


def logo():
    """SVG of the logo, which is also the icon of the tab: flat squares, no text."""
    width = STEP * len(FIRST_VIEW)
    squares = [
        f'<rect x="{STEP * column + 0.5}" y="{STEP * row + 0.5}" width="{SIDE}" height="{SIDE}" '
        f'rx="{RADIUS}" fill="{BLUE if cell == "1" else ORANGE}"/>'
        for row, cells in enumerate(FIRST_VIEW)
        for column, cell in enumerate(cells)
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {width}">'
    return "\n".join([head, *squares, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_name("logo.svg").write_text(logo(), encoding="utf-8")
