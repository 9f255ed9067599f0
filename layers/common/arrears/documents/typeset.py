"""Sets pages: text in any of the scripts, tables, a seal, a QR code; the same input gives the same bytes.

Text is never markup here: a string is drawn as it stands, after `clean`. Pages are recorded first and drawn when
their number is known, so that a footer can say "1 / 2" and a contents page can come first.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import md5
from io import BytesIO
from typing import Final, Literal, Protocol

import segno
from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from arrears.documents.clean import clean
from arrears.documents.typeface import Typeface, is_traditional, typeface_for

rl_config.useA85 = 0  # binary streams: a fifth smaller

MM: Final = 72 / 25.4
PAGE_WIDTH: Final = 210 * MM
PAGE_HEIGHT: Final = 297 * MM

Align = Literal["left", "right", "centre"]
#: What stands in a cell of a table: one paragraph, or several.
Cell = str | tuple[str, ...]
Colour = tuple[float, float, float]
INK: Final[Colour] = (0.10, 0.11, 0.13)
SOFT: Final[Colour] = (0.38, 0.41, 0.45)
RULE: Final[Colour] = (0.78, 0.80, 0.83)
SHADE: Final[Colour] = (0.945, 0.953, 0.965)
ACCENT: Final[Colour] = (0.09, 0.22, 0.39)
SEAL: Final[Colour] = (0.80, 0.10, 0.13)

_NOT_FIRST: Final = frozenset("，。、；：？！）】》」』”’…％·—～,.;:?!)]}%〉〕〗〙–")
_NOT_LAST: Final = frozenset("（【《「『“‘([{〈〔〖〘$￥#")
_BREAK_AFTER: Final = frozenset("-/")
_LEADING: Final = 1.42
#: How much wider a line of Chinese may be set so that the right edge is even.
_MOST_TRACKING: Final = 0.06


class Draws(Protocol):
    """Something recorded on a page."""

    def __call__(self, canvas: Canvas) -> None:
        """Draw it."""


def _is_wide(character: str) -> bool:
    """Say whether a line may be broken on both sides of a character, as in Chinese."""
    code = ord(character)
    return 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0xFF00 <= code <= 0xFFEF  # noqa: PLR2004 - CJK blocks


@lru_cache(maxsize=256)
def qr_rows(text: str) -> tuple[tuple[bool, ...], ...]:
    """Return the dark modules of a QR code (error correction M)."""
    return tuple(tuple(bool(module) for module in row) for row in segno.make_qr(text, error="m").matrix)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its width in points, and how its cells stand in it."""

    width: float
    align: Align = "left"


@dataclass(slots=True)
class Page:
    """A page as recorded: what is drawn, and its text in reading order."""

    draws: list[Draws] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What came out of a `Sheet`."""

    pdf: bytes
    text: str
    pages: int
    missing_glyphs: tuple[str, ...]
    clipped: tuple[str, ...]


class Sheet:
    """Pages of A4 being set from top to bottom. Lengths are points, `y` counts from the top edge.

    Attributes:
        y: where the next block goes.
        left, right: the edges of the text.
        top, bottom: where pages after the first begin, and where every page ends.
        size: the size of running text, in points.
        missing: characters that no font has.
        clipped: texts that did not fit their place.
    """

    def __init__(
        self,
        language: str,
        *,
        left: float = 25 * MM,
        right: float = PAGE_WIDTH - 20 * MM,
        top: float = 20 * MM,
        bottom: float = PAGE_HEIGHT - 22 * MM,
        size: float = 9.5,
    ) -> None:
        self.language = language
        self.face: Typeface = typeface_for(language)
        self.traditional = is_traditional(language)
        self.left, self.right, self.top, self.bottom, self.size = left, right, top, bottom, size
        self.y = top
        self.pages: list[Page] = [Page()]
        self.missing: dict[str, None] = {}
        self.clipped: list[str] = []
        self.on_new_page: Callable[[Sheet], None] | None = None
        self.bookmarks: list[tuple[str, int, float]] = []

    # --- measuring -------------------------------------------------------------------------------------------

    @property
    def width(self) -> float:
        """The width of the text."""
        return self.right - self.left

    @property
    def page(self) -> Page:
        """The page being set."""
        return self.pages[-1]

    @property
    def room(self) -> float:
        """The height that is left on the page."""
        return self.bottom - self.y

    def text_width(self, text: str, size: float) -> float:
        """Return the width of a text on one line."""
        glyph = self.face.glyph
        return sum(glyph(character)[2] for character in text) * size / 1000

    def wrap(self, text: str, width: float, size: float) -> list[str]:
        """Break a text into lines: between Chinese characters, at spaces, and inside a word that is too long."""
        text = clean(text)
        lines: list[str] = []
        line, used = "", 0.0
        for atom in self._atoms(text, width, size):
            wide = self.text_width(atom, size)
            if line and used + self.text_width(atom.rstrip(), size) > width + 0.01:
                lines.append(line.rstrip())
                line, used = "", 0.0
                if not (atom := atom.lstrip()):
                    continue
                wide = self.text_width(atom, size)
            line, used = line + atom, used + wide
        if line.strip() or not lines:
            lines.append(line.rstrip())
        return lines

    def _atoms(self, text: str, width: float, size: float) -> list[str]:
        """Cut a text into pieces that are never broken; none is wider than a line."""
        atoms: list[str] = []
        piece = ""
        for character in text:
            if piece and _may_break(piece[-1], character):
                atoms.append(piece)
                piece = ""
            piece += character
        if piece:
            atoms.append(piece)
        fitting: list[str] = []
        for atom in atoms:
            if self.text_width(atom, size) <= width:
                fitting.append(atom)
                continue
            part, used = "", 0.0
            for character in atom:
                wide = self.text_width(character, size)
                if part and used + wide > width:
                    fitting.append(part)
                    part, used = "", 0.0
                part, used = part + character, used + wide
            fitting.append(part)
        return fitting

    # --- drawing at a place ------------------------------------------------------------------------------------

    def put(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        colour: Colour = INK,
        align: Align = "left",
        tracking: float = 0.0,
        page: Page | None = None,
    ) -> None:
        """Draw a text on one line, its baseline at `y`; it is not added to the page's text in reading order."""
        runs = self._runs(text)
        if align != "left":
            width = self.text_width(text, size) + tracking * max(len(text) - 1, 0)
            x -= width if align == "right" else width / 2

        def draw(canvas: Canvas) -> None:
            canvas.setFillColorRGB(*colour)
            if bold:  # the outline drawn as well: one weight of a Chinese font is large enough
                canvas.saveState()
                canvas.setStrokeColorRGB(*colour)
                canvas.setLineWidth(size * 0.035)
            line = canvas.beginText(x, PAGE_HEIGHT - y)
            if bold:
                line.setTextRenderMode(2)
            line.setCharSpace(tracking)
            for font, run in runs:
                line.setFont(font, size)
                line.textOut(run)
            canvas.drawText(line)
            if bold:
                canvas.restoreState()

        (page or self.page).draws.append(draw)

    def _runs(self, text: str) -> list[tuple[str, str]]:
        runs: list[tuple[str, str]] = []
        for character in text:
            font, shown, _ = self.face.glyph(character)
            if shown != character:
                self.missing[character] = None
            if runs and runs[-1][0] == font:
                runs[-1] = (font, runs[-1][1] + shown)
            else:
                runs.append((font, shown))
        return runs

    def say(self, text: str) -> None:
        """Add to the page's text in reading order."""
        if text:
            self.page.text.append(text)

    def put_fitted(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        width: float,
        *,
        smallest: float = 6.5,
        bold: bool = False,
        colour: Colour = INK,
    ) -> None:
        """Draw a text on one line, smaller where it is too wide, and cut (and noted in `clipped`) where it still is."""
        wide = self.text_width(text, 1.0)
        while wide * size > width and size > smallest:
            size -= 0.25
        if wide * size > width:
            self.clipped.append(text)
            text = self._cut(text, width, size)
        self.put(x, y, text, size, bold=bold, colour=colour)

    def _cut(self, text: str, width: float, size: float) -> str:
        """Return as much of a text as fits, and an ellipsis."""
        used = self.text_width("…", size)
        for place, character in enumerate(text):
            used += self.text_width(character, size)
            if used > width:
                return text[:place] + "…"
        return text

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        width: float = 0.5,
        colour: Colour = RULE,
        page: Page | None = None,
    ) -> None:
        """Draw a line."""

        def draw(canvas: Canvas) -> None:
            canvas.setStrokeColorRGB(*colour)
            canvas.setLineWidth(width)
            canvas.line(x1, PAGE_HEIGHT - y1, x2, PAGE_HEIGHT - y2)

        (page or self.page).draws.append(draw)

    def dots(self, x1: float, x2: float, y: float, *, page: Page) -> None:
        """Draw a leader of dots along a base line."""

        def draw(canvas: Canvas) -> None:
            canvas.saveState()
            canvas.setStrokeColorRGB(*RULE)
            canvas.setLineWidth(0.9)
            canvas.setLineCap(1)
            canvas.setDash(0.1, 3.2)
            canvas.line(x1, PAGE_HEIGHT - y, x2, PAGE_HEIGHT - y)
            canvas.restoreState()

        page.draws.append(draw)

    def link(self, x1: float, y1: float, x2: float, y2: float, *, bookmark: int, page: Page) -> None:
        """Make a rectangle lead to a bookmark, by its place among them."""

        def draw(canvas: Canvas) -> None:
            canvas.linkRect("", f"b{bookmark}", (x1, PAGE_HEIGHT - y2, x2, PAGE_HEIGHT - y1), relative=0, thickness=0)

        page.draws.append(draw)

    def box(self, x: float, y: float, width: float, height: float, *, fill: Colour, page: Page | None = None) -> None:
        """Fill a rectangle; `y` is its upper edge."""

        def draw(canvas: Canvas) -> None:
            canvas.setFillColorRGB(*fill)
            canvas.rect(x, PAGE_HEIGHT - y - height, width, height, stroke=0, fill=1)

        (page or self.page).draws.append(draw)

    def qr(self, x: float, y: float, side: float, text: str) -> None:
        """Draw a QR code; the quiet zone lies outside."""
        rows = qr_rows(text)
        module = side / len(rows)

        def draw(canvas: Canvas) -> None:
            canvas.setFillColorRGB(0, 0, 0)
            path = canvas.beginPath()
            for number, row in enumerate(rows):
                column = 0
                while column < len(row):
                    length = 0
                    while column + length < len(row) and row[column + length]:
                        length += 1
                    if length:
                        path.rect(x + column * module, PAGE_HEIGHT - y - (number + 1) * module, length * module, module)
                    column += max(length, 1)
            canvas.drawPath(path, stroke=0, fill=1)

        self.page.draws.append(draw)

    def seal(self, x: float, y: float, radius: float, text: str) -> None:
        """Draw a seal, its centre at (x, y), as it is customary where the language is written.

        In mainland China round with a star, in Taiwan square with the name in columns, elsewhere round with initials.
        """
        text = clean(text, limit=72)
        chinese = sum(_is_wide(character) for character in text) * 2 > len(text)
        if chinese and self.traditional:
            self._square_seal(x, y, radius, text)
        else:
            self._round_seal(x, y, radius, text, star=chinese)

    def _square_seal(self, x: float, y: float, radius: float, text: str) -> None:
        per_column = math.ceil(math.sqrt(len(text)))
        columns = math.ceil(len(text) / per_column)
        per_column = math.ceil(len(text) / columns)
        side = radius * 1.8
        width, height = side * 0.88 / columns, side * 0.88 / per_column
        size = min(width, height) * 0.92
        left, top = x - side / 2, y - side / 2

        def draw(canvas: Canvas) -> None:
            canvas.setStrokeColorRGB(*SEAL)
            canvas.setLineWidth(radius * 0.07)
            canvas.rect(left, PAGE_HEIGHT - top - side, side, side, stroke=1, fill=0)

        self.page.draws.append(draw)
        for index, character in enumerate(text):
            column, row = divmod(index, per_column)
            at = x + side * 0.44 - width * (column + 0.5)
            base = y - side * 0.44 + height * (row + 0.5) + size * 0.37
            self.put(at, base, character, size, bold=True, colour=SEAL, align="centre")

    def _round_seal(self, x: float, y: float, radius: float, text: str, *, star: bool) -> None:
        """Draw the name along the rim; in the middle a star, or initials."""
        rim = radius * 0.74
        wide = self.text_width(text, 1.0)
        spread = math.radians(250 if star else 300)
        size = min(radius * (0.30 if star else 0.24), spread * rim / max(wide, 1.0))
        gap = min(max(0.0, (spread * rim - wide * size) / max(len(text) - 1, 1)), size * (0.6 if star else 0.12))
        angle = math.pi / 2 + (wide * size + gap * (len(text) - 1)) / rim / 2
        glyphs: list[tuple[float, str, str, float]] = []
        for character in text:
            font, shown, advance = self.face.glyph(character)
            step = advance * size / 1000
            glyphs.append((angle - step / 2 / rim, font, shown, step))
            angle -= (step + gap) / rim

        def draw(canvas: Canvas) -> None:
            canvas.saveState()
            canvas.translate(x, PAGE_HEIGHT - y)
            canvas.setStrokeColorRGB(*SEAL)
            canvas.setFillColorRGB(*SEAL)
            canvas.setLineWidth(radius * 0.055)
            canvas.circle(0, 0, radius, stroke=1, fill=0)
            canvas.setLineWidth(radius * 0.014)
            canvas.circle(0, 0, radius * 0.93, stroke=1, fill=0)
            if star:
                path = canvas.beginPath()
                for point in range(10):
                    reach = radius * (0.30 if point % 2 == 0 else 0.30 * 0.382)
                    turn = math.pi / 2 + point * math.pi / 5
                    (path.lineTo if point else path.moveTo)(reach * math.cos(turn), reach * math.sin(turn))
                path.close()
                canvas.drawPath(path, stroke=0, fill=1)
            else:
                canvas.circle(0, 0, radius * 0.58, stroke=1, fill=0)
            for turn, font, shown, step in glyphs:
                canvas.saveState()
                canvas.rotate(math.degrees(turn) - 90)
                line = canvas.beginText(-step / 2, rim - size * 0.25)
                line.setCharSpace(0)
                line.setFont(font, size)
                line.textOut(shown)
                canvas.drawText(line)
                canvas.restoreState()
            canvas.restoreState()

        self.page.draws.append(draw)
        if not star:
            initials = "".join(word[0] for word in text.split() if word[0].isupper())[:3] or text[:1]
            large = radius * (0.62 if len(initials) < 3 else 0.46)  # noqa: PLR2004 - three letters are wide
            self.put(x, y + large * 0.36, initials, large, bold=True, colour=SEAL, align="centre")

    # --- the flow ------------------------------------------------------------------------------------------------

    def new_page(self) -> None:
        """Go on at the top of a new page."""
        self.pages.append(Page())
        self.y = self.top
        if self.on_new_page is not None:
            self.on_new_page(self)

    def need(self, height: float) -> None:
        """Go on at the top of a new page when less than `height` is left of this one."""
        if self.room < height and self.y > self.top:
            self.new_page()

    def space(self, height: float) -> None:
        """Leave some space, but not at the top of a page."""
        if self.y > self.top:
            self.y += height

    def paragraph(
        self,
        text: str,
        *,
        size: float | None = None,
        bold: bool = False,
        colour: Colour = INK,
        indent: float = 0.0,
        after: float = 0.35,
        align: Align = "left",
        say: bool = True,
    ) -> None:
        """Set a paragraph; `after` is the space below it, in lines."""
        size = size or self.size
        leading = size * _LEADING
        lines = self.wrap(text, self.width - indent, size)
        if say:
            self.say(clean(text))
        for number, line in enumerate(lines):
            left = len(lines) - number
            self.need(leading * (2 if number == 0 and left > 1 else 1))
            self.y += leading
            x = {"left": self.left + indent, "right": self.right, "centre": (self.left + self.right) / 2}[align]
            tracking = 0.0 if left == 1 or align != "left" else self._tracking(line, self.width - indent, size)
            self.put(x, self.y - leading * 0.27, line, size, bold=bold, colour=colour, align=align, tracking=tracking)
        self.y += leading * after

    def _tracking(self, line: str, width: float, size: float) -> float:
        """Return the space between characters that makes a line of Chinese end at the edge; none in other scripts."""
        if sum(_is_wide(character) for character in line) * 2 < len(line) or len(line) < 2:  # noqa: PLR2004
            return 0.0
        spread = (width - self.text_width(line, size)) / (len(line) - 1)
        return spread if 0 < spread <= size * _MOST_TRACKING else 0.0

    def heading(self, text: str, *, size: float | None = None, before: float = 0.5, rule: bool = False) -> None:
        """Set a heading that stays with what follows it."""
        size = size or self.size * 1.05
        self.space(size * _LEADING * before)
        self.need(size * _LEADING * 3.2)
        self.paragraph(text, size=size, bold=True, colour=ACCENT, after=0.12)
        if rule:
            self.line(self.left, self.y, self.right, self.y, width=0.6, colour=ACCENT)
            self.y += size * 0.45

    def bullets(self, items: Sequence[str], *, numbered: bool = False) -> None:
        """Set a list."""
        indent = self.size * (1.6 if numbered else 1.1)
        for number, item in enumerate(items, 1):
            self.need(self.size * _LEADING * min(2, len(self.wrap(item, self.width - indent, self.size))))
            mark_page, mark_y = self.page, self.y + self.size * _LEADING * 0.73
            self.paragraph(item, indent=indent, after=0.12)
            mark = f"{number}." if numbered else "•"
            self.put(self.left, mark_y, mark, self.size, colour=SOFT, page=mark_page)
        self.y += self.size * 0.3

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[Cell]],
        *,
        header: Sequence[str] | None = None,
        total: bool = False,
        size: float | None = None,
        x: float | None = None,
    ) -> None:
        """Set a table; its header is repeated on every page. With `total` the last row is a sum."""
        size = size or self.size * 0.95
        x = self.left if x is None else x
        right = x + sum(column.width for column in columns)
        if header:
            self.need(size * _LEADING * 3.4)
            self._header(columns, header, size, x)
        for number, row in enumerate(rows):
            is_sum = total and number == len(rows) - 1
            paragraphs = [(cell,) if isinstance(cell, str) else cell for cell in row]
            cells = [
                [line for each in cell for line in self.wrap(each, column.width - 8, size)]
                for cell, column in zip(paragraphs, columns, strict=True)
            ]
            self.say("\t".join(" ".join(clean(each) for each in cell) for cell in paragraphs))
            start = 0
            height = max(len(cell) for cell in cells)
            while start < height:
                fit = int((self.room - 5) / (size * 1.3))
                if fit < min(height - start, 8) and self.y > self.top:
                    self.new_page()
                    if header:
                        self._header(columns, header, size, x, say=False)
                    fit = int((self.room - 5) / (size * 1.3))
                part = [cell[start : start + max(fit, 1)] for cell in cells]
                start += max(fit, 1)
                if is_sum:
                    self.line(x, self.y, right, self.y, width=0.8, colour=ACCENT)
                self._row(columns, part, size, x, bold=is_sum)
                self.line(x, self.y, right, self.y, width=0.4)
        self.y += size * 0.6

    def _header(
        self, columns: Sequence[Column], header: Sequence[str], size: float, x: float, *, say: bool = True
    ) -> None:
        cells = [self.wrap(cell, column.width - 8, size) for cell, column in zip(header, columns, strict=True)]
        height = max(len(cell) for cell in cells) * size * 1.3 + 5
        self.box(x, self.y, sum(column.width for column in columns), height, fill=SHADE)
        if say:
            self.say("\t".join(header))
        self._row(columns, cells, size, x, bold=True, colour=ACCENT)

    def _row(
        self,
        columns: Sequence[Column],
        cells: Sequence[Sequence[str]],
        size: float,
        x: float,
        *,
        bold: bool = False,
        colour: Colour = INK,
    ) -> None:
        for column, lines in zip(columns, cells, strict=True):
            at = {"left": x + 4, "right": x + column.width - 4, "centre": x + column.width / 2}[column.align]
            for number, line in enumerate(lines):
                y = self.y + 2.5 + size * 1.3 * number + size
                self.put(at, y, line, size, bold=bold, colour=colour, align=column.align)
            x += column.width
        self.y += max(len(lines) for lines in cells) * size * 1.3 + 5

    def facts(self, pairs: Sequence[tuple[str, str]], *, label_width: float, size: float | None = None) -> None:
        """Set labelled values below each other."""
        size = size or self.size
        for label, value in pairs:
            lines = self.wrap(value, self.width - label_width, size)
            names = self.wrap(label, label_width - 6, size)
            leading = size * 1.36
            self.need(leading * min(max(len(lines), len(names)), 6))
            self.say(f"{label}\t{clean(value)}")
            for number in range(max(len(lines), len(names))):
                self.need(leading)
                self.y += leading
                if number < len(names):
                    self.put(self.left, self.y - leading * 0.25, names[number], size, colour=SOFT)
                if number < len(lines):
                    self.put(self.left + label_width, self.y - leading * 0.25, lines[number], size)
            self.y += size * 0.12

    def bookmark(self, title: str) -> None:
        """Name this place in the PDF's outline."""
        self.bookmarks.append((clean(title, limit=120), len(self.pages) - 1, self.y))

    # --- the end -------------------------------------------------------------------------------------------------

    def render(self, *, title: str, author: str, subject: str, on: date) -> Rendered:
        """Draw what was recorded.

        Args:
            title: of the document, in its properties.
            author: who made it.
            subject: what it is about; no personal data, since it shows without opening the file.
            on: the date that the file says it was made on.
        """
        buffer = BytesIO()
        canvas = Canvas(
            buffer,
            pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
            pageCompression=1,
            invariant=1,
            # Or the file names a font that it does not hold; the stubs take it for a number.
            initialFontName=self.face.fonts[-1].fontName,  # type: ignore[arg-type]
            lang=self.language,
        )
        document = canvas._doc  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to date it
        stamp = document._timeStamp  # noqa: SLF001 - likewise
        stamp.t = 0.0
        stamp.YMDhms = (on.year, on.month, on.day, 0, 0, 0)
        stamp.dhh = stamp.dmm = 0
        document.signature = md5(usedforsecurity=False)  # the file's id; it began with SOURCE_DATE_EPOCH
        canvas.setTitle(clean(title, limit=200))
        canvas.setAuthor(clean(author, limit=200))
        canvas.setSubject(clean(subject, limit=200))
        canvas.setCreator("Arrears")
        canvas.setProducer("Arrears")
        canvas.setViewerPreference("DisplayDocTitle", "true")
        for number, page in enumerate(self.pages):
            for index, (name, at, y) in enumerate(self.bookmarks):
                if at == number:
                    canvas.bookmarkPage(f"b{index}", fit="FitH", top=PAGE_HEIGHT - max(y - 6, 0))
                    canvas.addOutlineEntry(name, f"b{index}", level=0)
            for draw in page.draws:
                draw(canvas)
            canvas.showPage()
        canvas.save()
        text = "\f".join("\n".join(page.text) for page in self.pages)
        return Rendered(buffer.getvalue(), text, len(self.pages), tuple(self.missing), tuple(self.clipped))


def _may_break(before: str, after: str) -> bool:
    """Say whether a line may end between two characters."""
    if before == " " or after == " ":
        return before == " " and after != " "
    if after in _NOT_FIRST or before in _NOT_LAST:
        return False
    if before == after and before in "—…":
        return False
    return _is_wide(before) or _is_wide(after) or (before in _BREAK_AFTER and after.isalpha())
