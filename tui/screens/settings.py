"""Screen 0: every setting with its help and where its value comes from, and the doctor behind `d`.

Edits are collected and change nothing until they were reviewed and written. What only the command line should change,
such as a profile's name, is not offered.
"""

from collections.abc import Iterable
from typing import ClassVar, Final

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static, Tree
from textual.widgets.tree import TreeNode

from node.control.config import Config, load
from node.control.config_changes import Review, checked_value, review, words_of, write
from node.control.config_kinds import NONE, Value, show
from node.control.config_settings import APPLIES_WORDS, SECTIONS, Setting, by_section, find_setting
from node.control.errors import ConfigError
from node.control.limits import CONFIG_TEXT_CHARS_MAX
from tui.screens.base import NodeScreen
from tui.screens.settings_dialogs import ReviewScreen
from tui.screens.settings_doctor import DoctorPane
from tui.text import clean, fit
from tui.widgets.draw import field, rows, say
from tui.widgets.line_input import LineInput

_LABEL_CELLS: Final = 9
_NAME_CELLS: Final = 20


class SettingsTree(Tree[str]):
    """Sections and their settings; a node's data is its key, of a section its name."""

    HELP: ClassVar[str] = "Enter changes a value. Nothing is written before w has shown what changes."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g,home", "scroll_home", "First", show=False),
        Binding("G,end", "scroll_end", "Last", show=False),
        Binding("ctrl+d", "page_down", "Down a page", show=False),
        Binding("ctrl+u", "page_up", "Up a page", show=False),
    ]

    def render_label(self, node: TreeNode[str], base_style: Style, style: Style) -> Text:
        """A value that has no room ends in an ellipsis, so that nobody takes the part for the whole."""
        text = super().render_label(node, base_style, style)
        text.truncate(max(1, self.scrollable_content_region.width - self.guide_depth), overflow="ellipsis")
        return text


class SettingsScreen(NodeScreen):
    """See the module."""

    NAME = "settings"
    COMMAND = "config show --origin"
    HELP = (
        "In this order: flags, NEUROND_* variables, the profile, the file, what the home did last, the default. "
        "`neurond config` does the same; `neurond doctor` is the other half of this screen."
    )
    CHANGES = frozenset({"review"})
    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "unset", "Take out", tooltip="Take the setting out of the file, so that the next place counts"),
        Binding("z", "undo", "Undo", tooltip="Take back the change of this setting that is not written yet"),
        Binding("w", "review", "Review, write", tooltip="Show what changes and when, then write it"),
        Binding("d", "doctor", "Doctor", tooltip="Look for what is wrong, and back to the settings"),
        Binding("f", "fix", "Fix", tooltip="What to do about the chosen finding"),
        Binding("ctrl+r", "again", "Look again", tooltip="Read the file again, or examine the node again"),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.config: Config | None = None
        self.pending: dict[str, Value | None] = {}
        self._fault = ""
        self._editing: Setting | None = None
        self._leaves: dict[str, TreeNode[str]] = {}

    def body(self) -> Iterable[Widget]:
        tree = SettingsTree("settings", id="tree", classes="pane")
        tree.show_root = False
        tree.guide_depth = 2
        tree.border_title = Content("Settings")
        detail = Static("", id="setting", classes="pane", markup=False)
        detail.border_title = Content("Setting")
        yield Horizontal(
            tree,
            Vertical(detail, LineInput(CONFIG_TEXT_CHARS_MAX, id="value"), id="settings-side"),
            id="settings-body",
        )
        yield DoctorPane()

    def on_mount(self) -> None:
        super().on_mount()
        tree = self.query_one(SettingsTree)
        for section, settings in by_section():
            branch = tree.root.add(section, data=section, expand=True)
            for each in settings:
                self._leaves[each.key] = branch.add_leaf(each.name, data=each.key)
        self.read()
        tree.focus()
        tree.call_after_refresh(tree.move_cursor, self._leaves["node.role"])

    # settings

    def read(self) -> None:
        """Read the configuration again; changes that are not written stay."""
        try:
            port = self.node_app.port
            self.config, self._fault = load(port.home, environment=port.environment()), ""
        except ConfigError as error:
            self.config, self._fault = None, str(error)
        self._show_tree()

    @property
    def setting(self) -> Setting | None:
        """The setting under the cursor, None on a section."""
        node = self.query_one(SettingsTree).cursor_node
        return find_setting(node.data) if node is not None and node.data in self._leaves else None

    def _show_tree(self) -> None:
        for key, node in self._leaves.items():
            setting = find_setting(key)
            words = self._value_words(key).plain
            style = "bold" if key in self.pending or (self.config is not None and self.config[key].is_chosen) else ""
            node.set_label(Text.assemble(fit(setting.name, _NAME_CELLS), " ", (words, style)))
        count = len(self.pending)
        tree = self.query_one(SettingsTree)
        changed = f"{count} change{'s' * (count != 1)} not written: w" if count else ""
        tree.border_subtitle = Content(changed or clean(self.config.source.path.name if self.config else ""))
        self._show_setting()

    def _value_words(self, key: str) -> Content:
        if key in self.pending:
            value = self.pending[key]
            return say(("● ", "warn"), ("taken out" if value is None else clean(show(value), 60) or "(none)", "warn"))
        if self.config is None:
            return say(("?", "bad"))
        found = self.config[key]
        return say((clean(words_of(self.config, key), 60), "strong" if found.is_chosen else "dim"))

    def _show_setting(self) -> None:
        words = self._section_words() if self.setting is None else self._setting_words(self.setting)
        self.query_one("#setting", Static).update(words)

    def _section_words(self) -> Content:
        node = self.query_one(SettingsTree).cursor_node
        name = node.data if node is not None and node.data else ""
        lines = [say((name, "strong")), say(SECTIONS.get(name, ""))]
        return rows([*lines, *self._file_words()])

    def _file_words(self) -> list[Content]:
        if self._fault:
            return [say(""), say(("✗ ", "bad"), clean(self._fault, 400))]
        if self.config is None:
            return []
        source = self.config.source
        there = "" if source.exists else " (there is none yet)"
        profile = f"profile {self.config.profile}, " if self.config.profile else ""
        return [say(""), say((f"{profile}{clean(str(source.path), 200)}{there}", "dim"))]

    def _setting_words(self, setting: Setting) -> Content:
        lines = [say((setting.key, "strong")), say(""), say(setting.help), say("")]
        if setting.key in self.pending:
            lines.append(field("will be", self._value_words(setting.key), _LABEL_CELLS))
        if self.config is not None:
            found = self.config[setting.key]
            place = f"{found.where}{', ' if found.place else ''}{clean(found.place, 200)}"
            lines.append(field("value", say((clean(words_of(self.config, setting.key), 200), "strong")), _LABEL_CELLS))
            lines.append(field("from", say(place), _LABEL_CELLS))
        default = show(setting.default) or setting.otherwise or NONE
        lines += [
            field("default", say(default), _LABEL_CELLS),
            field("allowed", say(setting.kind.words), _LABEL_CELLS),
            field("counts", say(APPLIES_WORDS[setting.applies]), _LABEL_CELLS),
            field("variable", say((setting.variable, "dim")), _LABEL_CELLS),
        ]
        if setting.flag:
            lines.append(field("flag", say((setting.flag, "dim")), _LABEL_CELLS))
        return rows([*lines, *self._file_words()])

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[str]) -> None:
        self._show_setting()

    def on_tree_node_selected(self, event: Tree.NodeSelected[str]) -> None:
        setting = self.setting
        if setting is None:
            return
        if setting.kind.choices and not setting.kind.many:
            self._next_choice(setting)
        else:
            self._edit(setting)

    def _next_choice(self, setting: Setting) -> None:
        """A setting with a few values needs no typing: the next one, after the last one the first."""
        now = self.pending[setting.key] if setting.key in self.pending else self._current(setting)
        choices = setting.kind.choices
        at = choices.index(show(now)) + 1 if show(now) in choices else 0
        self._propose(setting, choices[at % len(choices)])

    def _current(self, setting: Setting) -> Value | None:
        return self.config.value(setting.key) if self.config is not None else setting.default

    def _edit(self, setting: Setting) -> None:
        self._editing = setting
        line = self.query_one("#value", LineInput)
        now = self.pending.get(setting.key, self._current(setting))
        line.value = show(now)
        line.placeholder = setting.kind.words
        line.add_class("-shown")
        self.add_class("-editing")
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if self._editing is not None and self._propose(self._editing, event.value):
            self._close_line()

    def _propose(self, setting: Setting, text: str) -> bool:
        try:
            value = checked_value(setting.key, [text])
        except ConfigError as error:
            self.notify(clean(error.message), title="Not taken", severity="error", markup=False)
            return False
        if self.config is not None and self.config[setting.key].is_chosen and value == self._current(setting):
            self.pending.pop(setting.key, None)
        else:
            self.pending[setting.key] = value
        self._show_tree()
        return True

    def _close_line(self) -> None:
        self._editing = None
        self.query_one("#value").remove_class("-shown")
        self.remove_class("-editing")
        self.query_one(SettingsTree).focus()

    def action_leave(self) -> None:
        if self._editing is not None:
            self._close_line()
        elif self.has_class("-doctor"):
            self.action_doctor()

    def action_unset(self) -> None:
        setting = self.setting
        if setting is None or self.config is None:
            return
        if self.config[setting.key].where not in ("file", "profile"):
            self.notify("The file does not have it.", severity="warning")
            return
        self.pending[setting.key] = None
        self._show_tree()

    def action_undo(self) -> None:
        if self.setting is not None:
            self.pending.pop(self.setting.key, None)
            self._show_tree()

    def action_review(self) -> None:
        if not self.pending or self.config is None:
            self.notify(clean(self._fault) or "Nothing is changed yet: enter changes a value.", severity="warning")
            return
        try:
            port = self.node_app.port
            wanted = review(port.home, self.config, self.pending, port.environment())
        except ConfigError as error:
            self.notify(clean(str(error)), title="Cannot be written", severity="error", timeout=12, markup=False)
            return
        self.node_app.push_screen(ReviewScreen(wanted), lambda agreed: self._write(wanted) if agreed else None)

    def _write(self, wanted: Review) -> None:
        try:
            path = write(self.node_app.port.home, wanted, self.node_app.port.environment())
        except ConfigError as error:
            self.notify(clean(str(error)), title="Not written", severity="error", timeout=12, markup=False)
            self.read()
            return
        self.pending.clear()
        self.notify(clean(str(path)), title="Written", markup=False)
        self.read()

    # doctor

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        doctor = self.has_class("-doctor")
        if action == "leave":  # else escape goes back to the screen before
            return doctor or self._editing is not None
        if (action in ("unset", "undo", "review") and doctor) or (action == "fix" and not doctor):
            return False
        return super().check_action(action, parameters)

    def action_doctor(self) -> None:
        self.toggle_class("-doctor")
        if self.has_class("-doctor"):
            self.query_one("#checks").focus()
            if self.doctor.checkup is None:
                self.doctor.examine()
        else:
            self.query_one(SettingsTree).focus()
        self.refresh_bindings()

    def action_again(self) -> None:
        if self.has_class("-doctor"):
            self.doctor.examine()
        else:
            self.read()

    def action_fix(self) -> None:
        self.doctor.fix()

    @property
    def doctor(self) -> DoctorPane:
        return self.query_one(DoctorPane)
