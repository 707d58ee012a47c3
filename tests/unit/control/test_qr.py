"""The QR code on the screen is, module by module, the one that was made, with its light border, or there is none."""

import segno

from node.control.qr import inverted, qr_lines

INVITE = "nd1" + "7" * 333
_PAIRS = {" ": (False, False), "▀": (True, False), "▄": (False, True), "█": (True, True)}


def modules(lines: tuple[str, ...]) -> list[list[bool]]:
    """The modules that the lines show, True for dark."""
    rows: list[list[bool]] = []
    for line in lines:
        rows += [[_PAIRS[char][0] for char in line], [_PAIRS[char][1] for char in line]]
    return rows


def test_the_lines_show_the_code_and_a_light_border() -> None:
    lines = qr_lines(INVITE, 200, 200)
    assert len({len(line) for line in lines}) == 1
    shown = modules(lines)
    code = [
        [bool(each) for each in row] for row in segno.make(INVITE, error="l", micro=False, boost_error=False).matrix
    ]
    size = len(code)
    assert [row[2 : 2 + size] for row in shown[2 : 2 + size]] == code
    assert not any(any(row) for row in (*shown[:2], *shown[2 + size :]))
    assert not any(row[column] for row in shown for column in (0, 1, -1, -2))


def test_an_inverted_code_has_every_module_the_other_way() -> None:
    lines = qr_lines(INVITE, 200, 200)
    assert modules(inverted(lines)) == [[not each for each in row] for row in modules(lines)]


def test_a_code_that_does_not_fit_is_not_cut_but_left_out() -> None:
    lines = qr_lines(INVITE, 200, 200)
    columns, rows = len(lines[0]), len(lines)
    assert qr_lines(INVITE, columns, rows) == lines
    assert qr_lines(INVITE, columns - 1, rows) == ()
    assert qr_lines(INVITE, columns, rows - 1) == ()
    assert qr_lines("x" * 5000, 1000, 1000) == ()
