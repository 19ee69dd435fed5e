"""What can be seen of a page, and what cannot."""

import re

from playwright.sync_api import Page

_CONTRASTS = """() => {
  const ground = (part) => {
    const colour = getComputedStyle(part).backgroundColor;
    return colour.startsWith("rgba(0, 0, 0, 0") ? ground(part.parentElement) : colour;
  };
  const words = [...document.querySelectorAll("body *")].filter((part) => part.checkVisibility()
    && [...part.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()));
  const pairs = words.map((part) => {
    const style = getComputedStyle(part);
    return [part.ownerSVGElement ? style.fill : style.color, ground(part), part.textContent];
  });
  return pairs;
}"""
_CUT_OFF = """() => {
  const parts = [...document.querySelectorAll("td, th, .tile *, svg text, h1, h2, h3, li, figcaption p")];
  return parts.filter((part) => part.checkVisibility()).filter((part) => {
    const frame = part.ownerSVGElement ?? document.documentElement;
    const box = part.getBoundingClientRect(), bounds = frame.getBoundingClientRect();
    return box.left < bounds.left - 1 || box.right > bounds.right + 1 || box.bottom > bounds.bottom + 1
      || (!part.ownerSVGElement && part.clientWidth && part.scrollWidth > part.clientWidth + 1);
  }).map((part) => part.textContent);
}"""


def _luminance(colour: str) -> float:
    """Of ``rgb(29, 29, 31)``, as WCAG 2 has it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def hard_to_read(page: Page) -> dict[str, tuple[str, str]]:
    """Words with a contrast of less than 4.5, and their colour and ground."""
    low = {}
    for words, ground, text in page.evaluate(_CONTRASTS):
        light, dark = sorted((_luminance(words), _luminance(ground)), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            low[text] = (words, ground)
    return low


def cut_off(page: Page) -> list[str]:
    """Words that are not wholly there."""
    found: list[str] = page.evaluate(_CUT_OFF)
    return found
