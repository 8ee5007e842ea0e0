"""One text of the page, in the languages it speaks."""

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
