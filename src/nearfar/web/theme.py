"""The page's theme: light and dark, with one accent color; no font is downloaded."""

import json
from pathlib import Path
from typing import Final

from gradio.themes import Base, Color, Size

from nearfar.web.i18n.texts import LANGUAGES, TEXTS, say

FONTS: Final = (
    "Segoe UI",
    "Helvetica Neue",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
"""System fonts, including Chinese ones; `style.css` puts system-ui first."""

MONO: Final = ("Menlo", "Consolas", "Noto Sans Mono", "monospace")

STYLE: Final = Path(__file__).with_name("style.css")
TABS_STYLE: Final = Path(__file__).with_name("tabs.css")
_SCRIPT: Final = Path(__file__).with_name("page.js")

_INK: Final = Color(
    *("#f6f5f2", "#ecebe6", "#dedcd5", "#c6c4bb", "#98968d", "#6b6a63"),
    *("#514f4a", "#3a3936", "#262624", "#1b1b1a", "#131312"),
    name="ink",
)
_TEAL: Final = Color(
    *("#eef6f7", "#d7eaed", "#b1d5db", "#7fb8c2", "#4d98a6", "#2a7a8a"),
    *("#1c6474", "#14525f", "#10434e", "#0c343d", "#08252c"),
    name="teal",
)
_TEXT: Final = Size(
    xxs="11px", xs="12px", sm="13px", md="15px", lg="16px", xl="20px", xxl="26px", name="text"
)


class Calm(Base):
    """The theme."""

    def __init__(self) -> None:
        super().__init__(
            primary_hue=_TEAL,
            secondary_hue=_TEAL,
            neutral_hue=_INK,
            text_size=_TEXT,
            font=FONTS,
            font_mono=MONO,
        )
        self.set(
            body_background_fill="#f6f5f2",
            body_background_fill_dark="#141516",
            body_text_color="#262624",
            body_text_color_dark="#e9e7e1",
            body_text_color_subdued="#5f5d57",
            body_text_color_subdued_dark="#a8a69e",
            background_fill_primary="#ffffff",
            background_fill_primary_dark="#1c1d1f",
            background_fill_secondary="#f1efea",
            background_fill_secondary_dark="#232527",
            border_color_primary="#dedcd5",
            border_color_primary_dark="#34373a",
            block_background_fill="#ffffff",
            block_background_fill_dark="#1c1d1f",
            block_border_width="1px",
            block_label_background_fill="#ffffff",
            block_label_background_fill_dark="#1c1d1f",
            block_label_text_color="#5f5d57",
            block_label_text_color_dark="#a8a69e",
            block_title_text_color="#262624",
            block_title_text_color_dark="#e9e7e1",
            block_info_text_color="#5f5d57",
            block_info_text_color_dark="#a8a69e",
            block_radius="12px",
            block_shadow="none",
            input_background_fill="#ffffff",
            input_background_fill_dark="#232527",
            input_border_color="#c6c4bb",
            input_border_color_dark="#44484c",
            input_border_width="1px",
            checkbox_label_background_fill_selected="#1c6474",
            checkbox_label_background_fill_selected_dark="#2a7a8a",
            checkbox_label_text_color_selected="#ffffff",
            checkbox_label_border_width="1px",
            checkbox_label_border_color="#c6c4bb",
            checkbox_label_border_color_dark="#44484c",
            button_primary_background_fill="#1c6474",
            button_primary_background_fill_hover="#14525f",
            button_primary_background_fill_dark="#2a7a8a",
            button_primary_background_fill_hover_dark="#1c6474",
            button_primary_text_color="#ffffff",
            button_secondary_background_fill="#ffffff",
            button_secondary_background_fill_hover="#eef6f7",
            button_secondary_background_fill_dark="#232527",
            button_secondary_background_fill_hover_dark="#2d3033",
            button_secondary_border_color="#c6c4bb",
            button_secondary_border_color_dark="#44484c",
            button_secondary_text_color="#262624",
            button_secondary_text_color_dark="#e9e7e1",
            button_border_width="1px",
            slider_color="#1c6474",
            slider_color_dark="#4d98a6",
            color_accent="#1c6474",
            link_text_color="#1c6474",
            link_text_color_dark="#7fb8c2",
            loader_color="#1c6474",
            loader_color_dark="#7fb8c2",
        )


def head_html(max_bytes: int) -> str:
    """Return the page's head: its script, and the script's texts.

    Args:
        max_bytes: of one uploaded file.
    """
    texts = {
        language: {
            key.removeprefix("page."): say(key, language)
            for key in TEXTS
            if key.startswith("page.")
        }
        for language in LANGUAGES
    }
    values = json.dumps({"maxBytes": max_bytes, "texts": texts}, ensure_ascii=False)
    script = _SCRIPT.read_text("utf-8").replace("/* settings */ {}", values.replace("<", "\\u003c"))
    return f'<meta name="referrer" content="no-referrer" />\n<script>\n{script}</script>'
