"""Makes the font files of layers/documents/fonts from full ones; run by hand when a font has a new version.

Usage: python tools/make_fonts.py SC.ttf TC.ttf LATIN.ttf OUT_FOLDER   (needs fonttools)
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

#: Latin with Extended-A and -B, punctuation, currency, letter-like, arrows, mathematics, enclosed, shapes; then CJK
#: punctuation, kana and full-width forms.
COMMON = frozenset(
    code
    for first, last in (
        *((0x20, 0x24F), (0x2000, 0x206F), (0x20A0, 0x20BF), (0x2100, 0x22FF), (0x2460, 0x25FF)),
        *((0x3000, 0x30FF), (0xFF00, 0xFFEF)),
    )
    for code in range(first, last + 1)
)
LATIN = frozenset((*range(0x20, 0x530), *range(0x1E00, 0x2070), *range(0x20A0, 0x20C0)))


def charset(codec: str, leads: Iterable[int] = range(0x81, 0xFF)) -> set[int]:
    """Return the characters of a double-byte character set, or of some of its rows."""
    found = set()
    for lead in leads:
        for trail in range(0x40, 0xFF):
            text = bytes([lead, trail]).decode(codec, errors="ignore")
            if len(text) == 1:
                found.add(ord(text))
    return found


def drawn_otherwise(codes: set[int], font: TTFont, base: TTFont) -> set[int]:
    """Return the characters whose outline in `font` is not the one in `base`."""
    ours, theirs = font.getBestCmap(), base.getBestCmap()
    return {
        code
        for code in codes
        if code in ours and (code not in theirs or font["glyf"][ours[code]] != base["glyf"][theirs[code]])
    }


def write_subset(font: TTFont, codes: Iterable[int], path: Path) -> None:
    """Write a font with these characters only, without hinting and layout tables."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.glyph_names = False
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "STAT", "vhea", "vmtx", "gasp", "prep", "MATH"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    font["head"].modified = font["head"].created  # the same input gives the same file
    font.recalcTimestamp = False
    font.save(path)
    print(f"{path}: {path.stat().st_size} bytes")


def main(sc_file: str, tc_file: str, latin_file: str, out: str) -> None:
    """Make the three files."""
    folder = Path(out)
    big5, big5_common = charset("big5"), charset("big5", range(0xA1, 0xC7))
    traditional = drawn_otherwise(big5_common, TTFont(tc_file), TTFont(sc_file))
    write_subset(TTFont(sc_file), charset("gbk") | big5 | COMMON, folder / "NotoSansSC-subset.ttf")
    write_subset(TTFont(tc_file), traditional, folder / "NotoSansTC-subset.ttf")
    write_subset(TTFont(latin_file), LATIN, folder / "NotoSans-subset.ttf")


if __name__ == "__main__":
    main(*sys.argv[1:])
