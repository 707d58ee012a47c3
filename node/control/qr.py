"""A text as a QR code made of half blocks, two of its rows in one row of a terminal.

For dark ink on light paper: whoever shows the lines sets both colours, because readers of QR codes differ in whether
they take an inverted one. Never reads anything.
"""

from typing import Final

_BORDER: Final = 2  # light modules around the code; the standard asks for four, readers for one
_BLOCKS: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_INVERTED: Final = str.maketrans(" ▀▄█", "█▄▀ ")


def qr_lines(text: str, columns: int, rows: int) -> tuple[str, ...]:
    """Return the QR code of `text`, all lines of one length; none when it would not fit `columns` by `rows`."""
    import segno  # only who shows a code pays for it

    try:
        code = segno.make(text, error="l", micro=False, boost_error=False)
    except segno.DataOverflowError:
        return ()
    modules = [[bool(module) for module in row] for row in code.matrix_iter(border=_BORDER)]
    if len(modules[0]) > columns or (len(modules) + 1) // 2 > rows:
        return ()
    if len(modules) % 2:
        modules.append([False] * len(modules[0]))
    return tuple(
        "".join(_BLOCKS[pair] for pair in zip(modules[number], modules[number + 1], strict=True))
        for number in range(0, len(modules), 2)
    )


def inverted(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Return the same code for light ink on dark paper, for terminals whose colours must not be set."""
    return tuple(line.translate(_INVERTED) for line in lines)
