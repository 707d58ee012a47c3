"""The coldkey in this window: opened with its password, kept for a while, forgotten by itself.

The key is held by the port's desk, in this process; here is only how long. It is forgotten when its time is over, by
either of two clocks (one stands still while a laptop sleeps, the other can be set back), when the window leaves for
another node, and at a key press.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.timer import Timer

from tui.port import PortError
from tui.text import clean, duration
from tui.window import Window
from tui.work import begin

if TYPE_CHECKING:
    from tui.app import NeurondApp

_LOOK_S = 1.0


class Keys(Window):
    """One method an act; `unlocked_for_s` is what others may ask."""

    _key_of: str = ""
    _key_home: str = ""
    _until: tuple[float, int] = (0.0, 0)
    _looking: Timer | None = None

    @property
    def unlocked_for_s(self) -> float:
        """How long the coldkey stays unlocked, 0 when it is locked."""
        if not self._key_of:
            return 0.0
        monotonic_s, wall_ms = self._until
        left_s = min(monotonic_s - self.clock.monotonic_s(), (wall_ms - self.clock.now_ms()) / 1000)
        return max(0.0, left_s)

    async def keep_key(self, coldkey: str, password: str) -> None:
        """Open a coldkey and keep it for as long as the options say. Raises PortError."""
        home = self.attached_home
        await asyncio.to_thread(self.port.at_desk, home, lambda desk: desk.hold(coldkey, password))
        kept_s = self.options.auto_lock_s
        self._key_of, self._key_home = coldkey, str(home)
        self._until = (self.clock.monotonic_s() + kept_s, self.clock.now_ms() + int(kept_s * 1000))
        self.alerts.unlocked_since_s = self.model.now_s
        if self._looking is None:
            self._looking = self.set_interval(_LOOK_S, self.look_at_key)
        self.look_at_key()

    def look_at_key(self) -> None:
        """Forget the key when its time is over; say how much is left."""
        if self._key_of and (self.unlocked_for_s <= 0 or str(self.attached_home) != self._key_home):
            self.lock_key()
            self.notify("The coldkey was forgotten; u unlocks it again.", title="Locked", timeout=4)
        self.lock_words = f"UNLOCKED {duration(self.unlocked_for_s)}, u locks" if self._key_of else ""

    def lock_key(self) -> None:
        """Forget the key now."""
        self.port.at_desk(self.attached_home, lambda desk: desk.forget())
        self._key_of, self.lock_words = "", ""
        self.alerts.unlocked_since_s = None

    def action_lock(self) -> None:
        """Lock when unlocked; else ask for the password."""
        status = self.model.status
        if self._key_of:
            self.lock_key()
            self.notify("The coldkey is forgotten.", title="Locked", timeout=4)
        elif status is None or status.coldkey is None:
            self.notify("This node knows no coldkey. Make one: neurond wallet create", severity="warning")
        elif self.options.auto_lock_s <= 0:
            self.notify(
                "Keys are not kept: money.auto_lock_minutes is 0, so each signature asks for the password.",
                title="Not unlocked", severity="warning",
            )  # fmt: skip
        else:
            begin(self, partial(self._unlock, status.coldkey), "unlock")

    async def _unlock(self, coldkey: str) -> None:
        from tui.screens.password import PasswordScreen

        app, failure = cast("NeurondApp", self), ""
        try:
            if not await asyncio.to_thread(self.port.needs_password, self.attached_home, coldkey):
                self.notify("This coldkey has no password: nothing to unlock.", title="Not encrypted", timeout=4)
                return
            while True:
                password = await app.push_screen_wait(PasswordScreen(coldkey, failure, self.options.auto_lock_s))
                if password is None:
                    return
                try:
                    await self.keep_key(coldkey, password)
                    return
                except PortError as error:
                    if error.code != "wrong_password":
                        raise
                    failure = clean(str(error))
        except PortError as error:
            self.notify(clean(str(error)), title="Not unlocked", severity="error", timeout=10, markup=False)
