"""Promises of the configuration: one order, exact words for what is wrong, changes that lose nothing, one writer."""

import json
import multiprocessing
import os
import stat
import tomllib
from pathlib import Path

import pytest

from node.control import config_file, config_text
from node.control.config import faults, load
from node.control.config_daemon import FIELDS, daemon_config, daemon_fields, devnet_options
from node.control.config_kinds import percent_ppm
from node.control.config_settings import BY_VARIABLE, SETTINGS, json_schema
from node.control.errors import BadConfig, ConfigChanged, ConfigUnusable, UnknownKey
from node.control.limits import CONFIG_BYTES_MAX
from node.control.options import DaemonConfig, DevnetOptions


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def write(home: Path, text: str) -> Path:
    path = home / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_place_wins_over_the_next(home: Path) -> None:
    assert (load(home, environment={})["node.role"].value, load(home, environment={})["node.role"].where) == (
        None,
        "default",
    )
    (home / "settings.json").write_text('{"role": "validator", "gateway_port": null}')
    assert load(home, environment={})["node.role"].where == "last start"
    assert load(home, environment={})["gateway.port"].value == "none"
    path = write(home, '# mine\n[node]\nrole = "staker"\n\n[profiles.lab.node]\nrole = "miner"\n')
    found = load(home, environment={})["node.role"]
    assert (found.value, found.where, found.place) == ("staker", "file", f"{path}, line 3")
    found = load(home, profile="lab", environment={})["node.role"]
    assert (found.value, found.where, found.place) == ("miner", "profile", f"{path}, line 6")
    assert load(home, environment={"NEUROND_PROFILE": "lab"})["node.role"].value == "miner"
    found = load(home, profile="lab", environment={"NEUROND_NODE_ROLE": "validator"})["node.role"]
    assert (found.value, found.where, found.place) == ("validator", "environment", "NEUROND_NODE_ROLE")


def test_the_file_can_name_its_profile(home: Path) -> None:
    write(home, 'profile = "lab"\n[profiles.lab.gateway]\nport = "none"\n')
    assert load(home, environment={}).profile == "lab"
    assert daemon_config(home, {}).gateway_port is None


def test_a_daemon_gets_what_was_chosen_and_nothing_else(home: Path) -> None:
    assert daemon_config(home, {}) == DaemonConfig(home)
    assert daemon_config(home, {}).given == frozenset()
    write(
        home,
        '[node]\nlisten = ["none"]\nnetuids = [1, 3]\nmdns = true\nlog_level = "debug"\n'
        '[model]\nstore = "~/m"\nthreads = 2\n[storage]\nkeep = "light"\ndisk_mb = 0\nsnapshots = false\n',
    )
    config = daemon_config(home, {})
    assert (config.listen, config.netuids, config.keep, config.disk_mb, config.snapshots) == (
        (),
        (1, 3),
        "light",
        0,
        False,
    )
    assert (config.model_store, config.model_threads, config.log_level) == (Path("~/m").expanduser(), 2, "debug")
    assert "mdns" in config.given  # chosen, though it is the default
    assert set(daemon_fields(load(home, environment={}))) == set(config.given)


def test_a_devnet_gets_the_chosen_model_and_nothing_else_of_a_nodes_settings(home: Path) -> None:
    root = home / "devnet"
    assert devnet_options(root, home, {}) == DevnetOptions(root)
    write(home, '[model]\nname = "own"\nstore = "/models"\nthreads = 2\n[node]\nlisten = ["none"]\n')
    assert devnet_options(root, home, {}) == DevnetOptions(root, model="own", model_store=Path("/models"))
    assert devnet_options(root, home, {"NEUROND_MODEL_NAME": "other"}).model == "other"


def test_no_configuration_is_read_when_the_environment_says_so(home: Path) -> None:
    write(home, "nonsense")
    assert load(home, environment={"NEUROND_CONFIG": "none", "NEUROND_NODE_ROLE": "miner"})["node.role"].value is None
    other = write(home, "").rename(home / "elsewhere.toml")
    other.write_text('[node]\nrole = "miner"\n')
    assert load(home, environment={"NEUROND_CONFIG": str(other)})["node.role"].value == "miner"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[node]\n\nrole = "king"\n', 3, "node.role must be one of staker, miner, validator, not 'king'."),
        ("[node]\nmdns = 1\n", 2, "node.mdns must be true or false, not 1."),
        ("[gateway]\nport = 70000\n", 2, "gateway.port must be none or a whole number from 0 to 65535, not 70000."),
        ("[gateway]\nport = true\n", 2, "gateway.port must be none or a whole number"),
        ('[node]\nlisten = "/ip4/0.0.0.0/tcp/1"\n', 2, "in [brackets]"),
        ('[node]\nlisten = [\n  "/ip4/0.0.0.0/tcp/1",\n  "here",\n]\n', 2, "entry 2 is 'here'"),
        ("[money]\ntolerance = 100\n", 2, "percent below 100"),
        ("[money]\ntolerance = 0.12345\n", 2, "percent below 100"),
        ('[money]\ntyped_above = "-5"\n', 2, "an amount of τ"),
        ("[gateway]\nprot = 1\n", 2, "There is no setting 'gateway.prot'. Did you mean gateway.port?"),
        ("[gatewya]\nport = 1\n", 1, "There is no setting 'gatewya'. Did you mean gateway"),
        ("port = 1\n", 1, "There is no setting 'port'."),
        ("theme = 1\n", 1, "Did you mean window.theme?"),
        ("node = 1\n", 1, "node must be a table"),
        ('[node]\npassword = "x"\n', 2, "looks like a secret"),
        ('[model]\nbackend = "openai:http://me:pw@h/v1"\n', 2, "NEUROND_BACKEND_KEY"),
        ('[update]\nurl = "http://h/v"\n', 2, "https:// or file:///"),
        ('profile = "lab"\n', 1, "which [profiles] does not have"),
        ("[profiles.lab]\nnode = 3\n", 2, "node must be a table"),
        ("[profiles.lab.node]\nrole = 3\n", 2, "node.role must be one of"),
        ('[node]\nwallet = "../../etc"\n', 2, "no name"),
        ('[node]\nwallet = "a\\u0007b"\n', 2, "printable"),
    ],
)
def test_a_fault_names_file_line_and_key(home: Path, text: str, line: int, words: str) -> None:
    path = write(home, text)
    with pytest.raises((BadConfig, UnknownKey)) as caught:
        load(home, environment={})
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"[node\n", "line 1, column 6"),
        (b'[node]\nrole = "a\n', "line 2"),
        (b"[node]\nrole = \xff\n", "line 2: it is not text in UTF-8"),
        (b"a = " + b"[" * 5000, "nested"),
        (b"a = " + b"9" * 5000, "cannot be read"),
        (b"x" * (CONFIG_BYTES_MAX + 1), "larger than 64 KiB"),
        (b"\x00", "line 1"),
    ],
)
def test_a_broken_file_is_one_sentence(home: Path, data: bytes, words: str) -> None:
    (home / "config.toml").write_bytes(data)
    with pytest.raises((BadConfig, ConfigUnusable), match=words):
        load(home, environment={})


def test_all_faults_are_listed_those_of_the_environment_too(home: Path) -> None:
    write(home, '[node]\nrole = "king"\nmdns = 3\n')
    environment = {"NEUROND_GATEWAY_PORT": "many", "NEUROND_NODE_ROL": "miner", "NEUROND_HOME": "x"}
    _, found = faults(home, environment)
    assert [each.line for each in found] == [2, 3, 0, 0]
    assert "Did you mean NEUROND_NODE_ROLE?" in found[3].sentence
    with pytest.raises(BadConfig, match="4 in all"):
        load(home, environment=environment)


@pytest.mark.parametrize(
    ("path", "value", "wanted"),
    [
        (("gateway", "port"), 9, "[gateway]\nport = 9  # the usual one\n"),
        (("node", "listen"), ("/ip4/0.0.0.0/tcp/4001",), 'listen = ["/ip4/0.0.0.0/tcp/4001"]\n\n# below'),
        (("node", "mdns"), False, "]\nmdns = false\n\n# below"),
        (("window", "theme"), "light", '\n[window]\ntheme = "light"\n'),
        (("profile",), "lab", 'profile = "lab"\n\n[node]'),
        (("profiles", "a b", "node", "role"), "miner", '[profiles."a b".node]\nrole = "miner"\n'),
    ],
)
def test_a_change_touches_one_place(path: tuple[str, ...], value: object, wanted: str) -> None:
    text = "# top\n\n[node]\nlisten = [ # two\n  \"a]\", 'b#',\n]\n\n# below\n[gateway]\nport = 8  # the usual one\n"
    new = config_text.with_value(text, path, value)  # type: ignore[arg-type]
    assert wanted in new
    assert "# top" in new
    assert "# below" in new
    assert config_text.with_value(new, path, None).count(str(path[-1])) == 0 or path[0] == "profile"


@pytest.mark.parametrize("text", ["node = { role = 1 }\n", "[node]\nrole.x = 1\n"])
def test_what_only_people_should_change_is_left_alone(text: str) -> None:
    with pytest.raises(BadConfig, match="not changed by programs"):
        config_text.with_value(text, ("node", "role"), "miner")


def test_lines_are_found_behind_text_that_looks_like_keys() -> None:
    text = 'a = """\n[node]\nrole = 1 # no\n"""\nb = [\n 1,\n]\n[node]\nrole = 2\n'
    assert config_text.line_of(text, ("node", "role")) == 9
    assert config_text.line_of(text, ("b",)) == 5


def test_a_file_is_private_new_and_keeps_its_mode(home: Path) -> None:
    path = home / "deep" / "config.toml"
    config_file.change(path, lambda _: "[node]\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o640)
    config_file.change(path, lambda text: text + "# more\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(each.name for each in path.parent.iterdir()) == [".config.toml.lock", "config.toml"]


def test_a_link_is_followed_and_one_that_leads_nowhere_is_told(home: Path) -> None:
    real = home / "dotfiles.toml"
    real.write_text("[node]\n")
    link = home / "config.toml"
    link.symlink_to(real)
    config_file.change(link, lambda text: text + "mdns = false\n")
    assert link.is_symlink()
    assert "mdns" in real.read_text()
    real.unlink()
    with pytest.raises(ConfigUnusable, match="leads nowhere"):
        load(home, environment={})
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(ConfigUnusable, match="cannot be read"):
        load(home, environment={})


def test_what_is_no_file_and_what_others_may_change_is_refused(home: Path) -> None:
    path = home / "config.toml"
    os.mkfifo(path)
    with pytest.raises(ConfigUnusable, match="is no file"):
        load(home, environment={})
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigUnusable):
        load(home, environment={})
    path.rmdir()
    write(home, "").chmod(0o602)
    with pytest.raises(ConfigUnusable, match="Everybody") as caught:
        load(home, environment={})
    assert "chmod 600" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(ConfigUnusable, match="cannot be written"):
        config_file.change(home / "file" / "config.toml", lambda text: text + "x = 1")


def test_a_change_made_for_another_text_is_refused(home: Path) -> None:
    path = write(home, "[node]\n")
    digest = config_file.read(path).digest
    path.write_text("[node]\nmdns = true\n")
    with pytest.raises(ConfigChanged):
        config_file.change(path, lambda text: "", expected=digest)
    assert path.read_text() == "[node]\nmdns = true\n"


def _add_lines(path: Path, name: str) -> None:
    for number in range(20):
        config_file.change(path, lambda text, n=number: f"{text}# {name}{n}\n")  # type: ignore[misc]


def test_two_writers_at_once_lose_nothing(home: Path) -> None:
    path = write(home, "")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_add_lines, args=(path, name)) for name in "ab"]
    for each in writers:
        each.start()
    for each in writers:
        each.join(30)
    assert sorted(path.read_text().split("\n")[:-1]) == sorted(f"# {name}{n}" for name in "ab" for n in range(20))


def test_an_edit_that_fails_leaves_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, "[node]\n")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("node.control.config_file.os.fsync", full)
    with pytest.raises(ConfigUnusable, match="No space left"):
        config_file.change(path, lambda text: "x")
    assert path.read_text() == "[node]\n"
    assert sorted(each.name for each in home.iterdir()) == [".config.toml.lock", "config.toml"]


def test_defaults_fit_their_own_kind_and_fields_exist() -> None:
    blank = DaemonConfig(Path("/h"))
    for each in SETTINGS:
        if each.default is not None:
            assert each.kind.check(each.default) == each.default, each.key
        if each.field:
            default = getattr(blank, each.field)
            assert default == each.default or each.default is None or each.key == "node.listen", each.key
    assert set(FIELDS) <= set(DaemonConfig.__slots__)  # type: ignore[attr-defined]
    assert len(BY_VARIABLE) == len(SETTINGS)


def test_the_defaults_are_those_of_the_places_that_use_them() -> None:
    from node.control.actions import DEFAULT_TOLERANCE_PPM
    from node.gateway.limits import PER_DAY_DEFAULT, PER_MINUTE_DEFAULT
    from tui.limits import HOLD_STEPS, TYPED_ABOVE_RAO

    defaults = {each.key: each.default for each in SETTINGS}
    assert percent_ppm(str(defaults["money.tolerance"])) == DEFAULT_TOLERANCE_PPM
    assert int(str(defaults["money.typed_above"])) * 10**9 == TYPED_ABOVE_RAO
    assert defaults["money.hold_seconds"] == HOLD_STEPS
    assert defaults["gateway.requests_per_minute"] == PER_MINUTE_DEFAULT
    assert defaults["gateway.requests_per_day"] == PER_DAY_DEFAULT


def test_the_schema_has_every_setting_and_is_json() -> None:
    schema = json.loads(json.dumps(json_schema()))
    for each in SETTINGS:
        assert schema["properties"][each.section]["properties"][each.name]["description"] == each.help
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("value", [True, 7, 'a"\\\x7f\nü', ("a", "b"), (1, 2), ()])
def test_every_value_survives_toml(value: object) -> None:
    text = config_text.literal(value)  # type: ignore[arg-type]
    read = tomllib.loads(f"x = {text}")["x"]
    assert (tuple(read) if isinstance(read, list) else read) == value
