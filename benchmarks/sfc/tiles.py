#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws docs/sfc-tiles.svg: the tiles of sfc-6(6x6,3x3) on a map, what of a tile the
Fourier transform reads, and its 88 products.

  tiles.py [FILE]
"""
import os
import sys

OUTPUTS, TAPS, POINTS = 6, 3, 6
TILE = OUTPUTS + TAPS - 1
CELL = 14
# One-dimensional parts in their order: products of the sum, of two conjugate pairs, of
# the alternating sum, and of the two corrections.
PARTS = (("0", 1), ("1", 3), ("2", 3), ("3", 1), ("c", 1), ("c", 1))
INK, PALE, DATA, CORRECTION, SHARED = "#333333", "#bbbbbb", "#4878a8", "#c8743c", "#88a8c8"


def rectangle(x, y, width, height, fill="none", stroke=PALE, thick=1):
    return (f'<rect x="{x * CELL:g}" y="{y * CELL:g}" width="{width * CELL:g}" height="{height * CELL:g}" '
            f'fill="{fill}" stroke="{stroke}" stroke-width="{thick:g}"/>')


def text(x, y, words, anchor="start"):
    return f'<text x="{x * CELL:g}" y="{y * CELL:g}" text-anchor="{anchor}">{words}</text>'


def grid(left, top, width, height, fill):
    return [rectangle(left + x, top + y, 1, 1, fill(y, x)) for y in range(height) for x in range(width)]


def draw_map(left, top):
    """Four tiles with what they share, and the outputs of each."""
    size = 2 * OUTPUTS + TAPS - 1

    def fill(y, x):
        shared = [OUTPUTS <= at < TILE for at in (y, x)]
        return SHARED if any(shared) else "#ffffff"
    result = grid(left, top, size, size, fill)
    for y in range(2):
        for x in range(2):
            result.append(rectangle(left + 1 + x * OUTPUTS, top + 1 + y * OUTPUTS, OUTPUTS, OUTPUTS, stroke=INK, thick=1.5))
    result.append(rectangle(left, top, TILE, TILE, stroke=DATA, thick=3))
    return [*result, text(left, top + size + 1.3, "tiles of 8 x 8 inputs overlap by two;"),
            text(left, top + size + 2.5, "each gives 6 x 6 outputs (black)")]


def draw_tile(left, top):
    """The window of the transform, and what only corrections read."""
    begin = (TILE - POINTS) // 2

    def fill(y, x):
        return DATA if all(begin <= at < begin + POINTS for at in (y, x)) else CORRECTION
    return [*grid(left, top, TILE, TILE, fill), text(left, top + TILE + 1.3, "the transform of 6 x 6 points (blue)"),
            text(left, top + TILE + 2.5, "wraps around; corrections repair that")]


def count(vertical, horizontal):
    """Products of two parts: two conjugate pairs have six of nine (Hermitian)."""
    return 6 if vertical == horizontal == 3 else vertical * horizontal


def draw_products(left, top):
    """A block for each pair of parts, with its number of products."""
    result, total, row = [], 0, 0
    width = sum(number for _, number in PARTS)
    for i, (name, vertical) in enumerate(PARTS):
        column = 0
        for j, (other, horizontal) in enumerate(PARTS):
            products = count(vertical, horizontal)
            total += products
            fill = CORRECTION if "c" in (name, other) else DATA if products == vertical * horizontal else SHARED
            result += [rectangle(left + column * 1.6, top + row * 1.6, horizontal * 1.6, vertical * 1.6, fill, "#ffffff", 1.5),
                       text(left + (column + horizontal / 2) * 1.6, top + (row + vertical / 2) * 1.6 + 0.35, products, "middle")]
            if i == 0:
                result.append(text(left + (column + horizontal / 2) * 1.6, top - 0.4, other, "middle"))
            column += horizontal
        result.append(text(left - 0.9, top + (row + vertical / 2) * 1.6 + 0.35, name, "middle"))
        row += vertical
    assert total == 88
    bottom = top + width * 1.6
    return [*result, text(left, bottom + 1.3, f"{total} products: by frequency 0 to 3 and correction c,"),
            text(left, bottom + 2.5, "two conjugate pairs take 6, not 9")]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "docs", "sfc-tiles.svg")
    parts = [*draw_map(1, 2), *draw_tile(22, 2), *draw_products(45, 2)]
    width, height = 68 * CELL, 21.5 * CELL
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
                   f'font-family="sans-serif" font-size="12" fill="{INK}">\n'
                   f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n")


if __name__ == "__main__":
    main()
