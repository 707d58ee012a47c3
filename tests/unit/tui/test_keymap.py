"""Every key has an id; a person's keymap file is used as far as it is right, and told where it is not."""

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui import app as _loads_the_window  # noqa: F401
from tui.keymap import all_bindings, example, is_key, parse_keymap, read_keymap, unknown, write_new
from tui.limits import KEYMAP_BYTES_MAX
from tui.registry import load_all


def test_every_binding_of_every_screen_has_an_id_of_its_own() -> None:
    load_all()
    found = all_bindings()
    assert {"app.help", "app.show-home", "live-table.bottom", "live-table.move-1", "live-table.move-back-1"} <= set(
        found
    )
    assert all("." in each and each == each.lower() for each in found)


def test_the_written_example_names_every_binding_and_changes_nothing(tmp_path: Path) -> None:
    load_all()
    known = all_bindings()
    path = tmp_path / "folder" / "keymap.toml"
    write_new(path, example(known))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_keymap(path) == read_keymap(tmp_path / "absent")
    with pytest.raises(FileExistsError):
        write_new(path, "")
    # with every # taken away it asks for what is there anyway, and nothing in it is refused
    lines = [line.removeprefix("# ") if " = " in line else line for line in path.read_text().splitlines()]
    whole = parse_keymap("\n".join(lines).encode(), "k")
    assert whole.faults == ()
    assert set(whole.keys) == set(known)


def test_keys_may_be_one_text_or_a_list() -> None:
    found = parse_keymap(b'[app]\nhelp = "f2, ?"\njump = ["ctrl+j", "g"]\npause = ","\n"show-home" = "f5"', "k")
    assert found.faults == ()
    assert found.keys == {"app.help": "f2,?", "app.jump": "ctrl+j,g", "app.pause": "comma", "app.show-home": "f5"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[app\n", "is no TOML"),
        (b"\xff\xfe", "is no text"),
        (b"[app]\nhelp = 5", "app.help: keys are a text"),
        (b'[app]\nhelp = "ctrl+"', "app.help: 'ctrl+' is no key"),
        (b'[app]\nhelp = "banana"', "'banana' is no key"),
        (b'[app]\nhelp = ""', "'' is no key"),
        (b"[app]\nhelp = []", "name one to"),
        (b'[app]\nhelp = ["f2", 3]', "keys are a text"),
    ],
)
def test_a_bad_entry_is_refused_with_file_entry_and_reason(text: bytes, words: str) -> None:
    found = parse_keymap(text, "keymap.toml")
    assert found.keys == {}
    assert len(found.faults) == 1
    assert found.faults[0].startswith("keymap.toml: ")
    assert words in found.faults[0]


def test_a_bad_entry_does_not_take_the_good_ones_with_it() -> None:
    found = parse_keymap(b'[app]\nhelp = "banana"\njump = "f3"', "k")
    assert found.keys == {"app.jump": "f3"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'[app]\nhelpp = "f2"', "nothing has this name. Near: app.help."),
        (b'[app]\nhelp = "f2"\njump = "f2"', "the key f2 is given to app.help already"),
        (b'[app]\njump = "q"', "takes the key q of app.detach"),
    ],
)
def test_names_that_do_not_exist_and_keys_that_are_taken_are_told(text: bytes, words: str) -> None:
    faults = unknown(parse_keymap(text, "k"), all_bindings(), "k")
    assert len(faults) == 1
    assert words in faults[0]


def test_a_file_beyond_every_use_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "keymap.toml"
    path.write_bytes(b"#" * (KEYMAP_BYTES_MAX + 1))
    assert "larger than" in read_keymap(path).faults[0]
    assert "cannot be read" in read_keymap(tmp_path).faults[0]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    found = parse_keymap(raw, "k")
    assert all(is_key(key) for keys in found.keys.values() for key in keys.split(","))


@pytest.mark.parametrize(
    "key", ["a", "G", "?", "ctrl+x", "shift+tab", "f5", "escape", "alt+left", "colon", "+", "space"]
)
def test_keys_of_a_keyboard_are_keys(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", " ", "ab", "ctrl+ctrl+x", "hypr+x", "\n", "ctrl+"])
def test_other_words_are_none(key: str) -> None:
    assert not is_key(key)
