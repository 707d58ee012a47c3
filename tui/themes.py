"""Themes: dark, light, high contrast, and one for no colours. Colour only repeats what a word or sign already says."""

from dataclasses import replace
from typing import Final, Literal

from textual.theme import Theme

Tone = Literal["plain", "dim", "strong", "good", "warn", "bad", "accent", "second"]

TONES: Final[dict[Tone, str]] = {
    "plain": "$foreground",
    "dim": "$text-muted",
    "strong": "$foreground bold",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "$text-error",
    "accent": "$text-accent",
    "second": "$text-secondary",
}
"""What each tone is in content markup-free styles."""

DARK: Final = Theme(
    name="neurond-dark",
    primary="#5ad4c2",
    secondary="#a99bff",
    accent="#5ad4c2",
    warning="#f0b95b",
    error="#f4737f",
    success="#7edc8f",
    foreground="#d7dde9",
    background="#0b0e14",
    surface="#10141d",
    panel="#171d29",
    boost="#1d2534",
    dark=True,
    variables={
        "text-muted": "#7d879b",
        "text-success": "#7edc8f",
        "text-warning": "#f0b95b",
        "text-error": "#f4737f",
        "text-accent": "#5ad4c2",
        "text-secondary": "#a99bff",
        "frame": "#2a3344",
        "frame-focus": "#5ad4c2",
        "selected": "#1c2a35",
        "selected-focus": "#1d4a4a",
        "footer-key-foreground": "#5ad4c2",
        "footer-background": "#10141d",
        "footer-description-foreground": "#9aa5b8",
        "input-selection-background": "#5ad4c2 35%",
        "scrollbar": "#2a3344",
        "scrollbar-hover": "#3a465c",
        "scrollbar-active": "#5ad4c2",
        "scrollbar-background": "#0b0e14",
        "scrollbar-background-hover": "#0b0e14",
        "scrollbar-background-active": "#0b0e14",
    },
)

LIGHT: Final = Theme(
    name="neurond-light",
    primary="#0b7a70",
    secondary="#5b4bc4",
    accent="#0b7a70",
    warning="#8a5a00",
    error="#b3263a",
    success="#1f7a35",
    foreground="#1b2230",
    background="#f6f7f9",
    surface="#ffffff",
    panel="#eceff3",
    boost="#e3e7ee",
    dark=False,
    variables={
        "text-muted": "#5d6778",
        "text-success": "#1f7a35",
        "text-warning": "#8a5a00",
        "text-error": "#b3263a",
        "text-accent": "#0b7a70",
        "text-secondary": "#5b4bc4",
        "frame": "#c3cad6",
        "frame-focus": "#0b7a70",
        "selected": "#e3eeee",
        "selected-focus": "#bfe3de",
        "footer-key-foreground": "#0b7a70",
        "footer-background": "#eceff3",
        "footer-description-foreground": "#4a5466",
        "scrollbar": "#c3cad6",
        "scrollbar-background": "#f6f7f9",
        "scrollbar-background-hover": "#f6f7f9",
        "scrollbar-background-active": "#f6f7f9",
    },
)

HIGH_CONTRAST: Final = Theme(
    name="neurond-contrast",
    primary="#ffff00",
    secondary="#00ffff",
    accent="#ffff00",
    warning="#ffb000",
    error="#ff8080",
    success="#00ff60",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    boost="#262626",
    dark=True,
    variables={
        "text-muted": "#d0d0d0",
        "text-success": "#00ff60",
        "text-warning": "#ffb000",
        "text-error": "#ff8080",
        "text-accent": "#ffff00",
        "text-secondary": "#00ffff",
        "frame": "#ffffff",
        "frame-focus": "#ffff00",
        "selected": "#303030",
        "selected-focus": "#0000c0",
        "footer-key-foreground": "#ffff00",
        "footer-background": "#000000",
        "footer-description-foreground": "#ffffff",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#000000",
        "scrollbar-background-hover": "#000000",
        "scrollbar-background-active": "#000000",
    },
)

PLAIN: Final = replace(
    HIGH_CONTRAST,
    name="neurond-plain",
    primary="#ffffff",
    accent="#ffffff",
    variables={**HIGH_CONTRAST.variables, "selected-focus": "#ffffff", "input-selection-background": "#ffffff"},
)
"""A bright ground where something is chosen, a black one elsewhere: `glyphs.NoColour` makes reversed text of it."""

THEMES: Final = (DARK, LIGHT, HIGH_CONTRAST)


def theme_name(wanted: str | None) -> str:
    """Return the theme of a name, with or without the program's before it; the first one for any other."""
    return next((each.name for each in THEMES if wanted in (each.name, each.name.removeprefix("neurond-"))), DARK.name)
