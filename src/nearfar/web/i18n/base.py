"""A text of the page in all its languages."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A text in every language of the page.

    Attributes:
        en: English.
        zh: Chinese, simplified.
    """

    en: str
    zh: str
