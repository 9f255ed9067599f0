"""Templates: every text that a cardholder gets, as data in files that a collections manager can change.

A file holds one template (`infra/policies/templates/<name>.yaml`): its channel, and its texts by language, with
variants by country, stage and risk grade and for a phone that others may read. Of the texts that fit, the more
particular one wins field by field, so that a variant says only what differs. Everything that can be wrong is found
when templates are loaded, with file and line: an unknown variable, a part that a letter must have, a text longer than
its segments, a threat, a debt named on a shared phone.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from arrears.documents.errors import MissingPartError, TemplateError
from arrears.documents.sms_length import Encoding, SmsLength, measure
from arrears.documents.variables import VARIABLES, Value, longest_values, write_value
from arrears.documents.yaml_lines import Located, read_located

Channel = Literal["sms", "letter", "labels"]
Field = str | tuple[str, ...]
LetterKind = Literal["reminder_letter", "lawyer_letter", "final_notice"]
LETTER_KINDS: tuple[LetterKind, ...] = ("reminder_letter", "lawyer_letter", "final_notice")

FORMAT = 1
DEFAULT_MAX_SEGMENTS = 3
#: Selectors from the least to the most particular.
_SELECTORS = ("country", "risk_grade", "stage", "shared_phone")
#: Languages that can stand in for a dialect or region of them.
_KIN = {
    "zh": "zh-CN",
    "zh-SG": "zh-CN",
    "zh-Hans": "zh-CN",
    "zh-HK": "zh-TW",
    "zh-MO": "zh-TW",
    "zh-Hant": "zh-TW",
}
_LAST_RESORT = "en"

#: The parts of a letter that are wording; what is missing here cannot be put into a letter.
LETTER_PARTS: Mapping[str, str] = {
    "title": "title",
    "subject": "subject",
    "salutation": "salutation",
    "opening": "opening",
    "reason": "reason for collection",
    "account_status": "account status",
    "inquiry": "how to inquire",
    "rights": "rights of the cardholder",
    "obligations": "obligations of the cardholder",
    "no_repayments": "repayments so far",
    "payment": "how to pay",
    "objection": "how to object and hand in evidence",
    "consequences": "what may lawfully follow",
    "legal_basis": "legal basis",
    "closing": "closing",
}
LAWYER_PARTS: Mapping[str, str] = {"mandate": "mandate of the law firm"}
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_PLAIN_VARIABLE = re.compile(r"\{[a-z][a-z0-9_]*\}", re.ASCII)
_PLAIN = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " ", "·": " "}
)
_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff\u3000-\u303f"
_SPACE_BETWEEN_CJK = re.compile(rf"(?<=[{_CJK}])\s+(?=[{_CJK}])")

#: Words that a text for a shared phone must not hold: they tell others of a debt.
_DEBT_WORDS = (
    *("overdue", "past due", "arrears", "debt", "owe", "repay", "payment", "pay ", "collection", "default", "balance"),
    *("逾期", "欠", "债", "債", "还款", "還款", "催收", "缴款", "繳款", "拖欠", "未还", "未還", "账单", "帳單"),
)
#: Words that have no place in any text: threats, and what a bank cannot do.
_THREATS = (
    *("arrest", "jail", "prison", "police", "criminal", "warn your", "last warning", "seize", "your employer", "shame"),
    *("坐牢", "拘留", "逮捕", "抓", "刑事", "报警", "報警", "上门", "上門", "后果自负", "後果自負", "警告", "曝光"),
    *("你的家人", "您的家人", "单位领导", "單位主管", "失信人", "老赖", "老賴"),
)


@dataclass(frozen=True, slots=True)
class SmsText:
    """A text as it is sent, and what the network bills for it.

    Attributes:
        language: the language it is written in, after fallback.
        units: septets (GSM-7) or 16-bit code units (UCS-2).
        segments: messages billed.
    """

    text: str
    encoding: Encoding
    units: int
    segments: int
    language: str


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a template: for whom it is, and its fields."""

    language: str
    fields: Mapping[str, Field]
    country: str | None = None
    risk_grade: str | None = None
    stage: str | None = None
    shared_phone: bool = False

    def fits(self, country: str | None, risk_grade: str | None, stage: str | None, *, shared_phone: bool) -> bool:
        """Say whether the text is meant for such a case."""
        return (
            self.country in {None, country}
            and self.risk_grade in {None, risk_grade}
            and self.stage in {None, stage}
            and self.shared_phone == shared_phone
        )

    @property
    def rank(self) -> tuple[bool, ...]:
        """How particular the text is: stage counts before risk grade, risk grade before country."""
        return (self.stage is not None, self.risk_grade is not None, self.country is not None)


@dataclass(frozen=True, slots=True)
class Template:
    """A named template.

    Attributes:
        kind: of a letter: which letter it is; decides what it must hold.
        max_segments: of a text: the most messages it may take with its longest plausible values.
        fallback: languages to try when one is missing, in order.
    """

    name: str
    channel: Channel
    texts: tuple[Text, ...]
    kind: str = ""
    max_segments: int = DEFAULT_MAX_SEGMENTS
    fallback: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it is written in, in the order of the file."""
        return tuple(dict.fromkeys(text.language for text in self.texts))


@dataclass(frozen=True, slots=True)
class Wording:
    """The fields of a letter chosen for one case, not yet filled in."""

    language: str
    fields: Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of a policy, and the words that documents are labelled with."""

    by_name: Mapping[str, Template]
    _labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def get(self, name: str, channel: Channel) -> Template:
        """Return a template of a channel; raises `TemplateError` when there is none of that name."""
        template = self.by_name.get(name)
        if template is None:
            raise TemplateError(f"no template is named {name}; there are {', '.join(sorted(self.by_name))}")
        if template.channel != channel:
            raise TemplateError(f"template {name} is a {template.channel}, not a {channel}")
        return template

    def language(self, name: str, language: str, fallback: Sequence[str] = ()) -> str:
        """Return the language that a template is used in: the one asked for, its kin, or a fallback.

        Args:
            name: the template.
            language: what the cardholder reads.
            fallback: languages to try next, as the policy says; then the template's own, then English.
        """
        return _choose(self.by_name[name].languages, language, (*fallback, *self.by_name[name].fallback))

    def sms(
        self,
        name: str,
        language: str,
        stage: str | None,
        risk_grade: str | None,
        values: Mapping[str, Value],
        *,
        country: str | None = None,
        shared_phone: bool = False,
        fallback: Sequence[str] = (),
    ) -> SmsText:
        """Write a text.

        Args:
            name: the template.
            language: what the cardholder reads.
            stage: the case's stage.
            risk_grade: the account's risk grade.
            values: the variables' values; those that the text does not use may be there or not.
            country: the cardholder's country.
            shared_phone: whether others may read it, so that no debt may be named.
            fallback: languages to try when the template is not written in `language`.

        Raises:
            TemplateError: no such template, no text for a shared phone, or a value that is missing.
        """
        template = self.get(name, "sms")
        chosen = self.language(name, language, fallback)
        fields = _merge(template, chosen, country, risk_grade, stage, shared_phone=shared_phone)
        if "text" not in fields:
            whom = "for a phone that others may read" if shared_phone else f"in {chosen}"
            raise TemplateError(f"template {name} has no text {whom}")
        text = plain(fill(cast("str", fields["text"]), values, chosen, length="medium", template=name), chosen)
        size = measure(text)
        return SmsText(text, size.encoding, size.units, size.segments, chosen)

    def wording(
        self,
        name: str,
        language: str,
        *,
        country: str | None = None,
        stage: str | None = None,
        risk_grade: str | None = None,
        fallback: Sequence[str] = (),
    ) -> Wording:
        """Choose the wording of a letter; every part that it must have is there.

        Raises:
            MissingPartError: the template lacks a part; the error names it.
        """
        template = self.get(name, "letter")
        chosen = self.language(name, language, fallback)
        fields = _merge(template, chosen, country, risk_grade, stage, shared_phone=False)
        for key, part in _parts(template.kind).items():
            if not fields.get(key):
                raise MissingPartError(part, f"{template.kind} in {chosen}")
        return Wording(chosen, fields)

    def labels(self, language: str) -> Mapping[str, str]:
        """Return the words that documents in a language are labelled with."""
        if not self._labels:
            raise TemplateError("the labels are not among the templates")
        return self._labels[_choose(tuple(self._labels), language, ())]

    def max_segments(self, name: str, known: Callable[[str], Mapping[str, str]] = lambda _: {}) -> int:
        """Return the most messages that a text takes with its longest plausible values, over all its variants.

        Args:
            name: the template.
            known: given a language, the values that are known already, such as the bank's name.
        """
        template = self.get(name, "sms")
        return max(
            _longest(str(text.fields["text"]), text.language, known(text.language)).segments for text in template.texts
        )

    def variables(self, name: str) -> list[str]:
        """Return the variables that a template uses in any of its texts, in their order."""
        values = (value for text in self.by_name[name].texts for value in text.fields.values())
        pieces = (piece for value in values for piece in ((value,) if isinstance(value, str) else value))
        return list(dict.fromkeys(found for piece in pieces for found in _VARIABLE.findall(piece)))

    def to_data(self) -> dict[str, object]:
        """Return the templates as plain JSON data, for a published policy."""
        return {
            "format": FORMAT,
            "templates": {name: _template_data(each) for name, each in sorted(self.by_name.items())},
            "labels": {language: dict(words) for language, words in sorted(self._labels.items())},
        }

    @classmethod
    def from_data(cls, data: Mapping[str, object], *, where: str = "published policy") -> "Templates":
        """Read what `to_data` wrote; everything is checked again.

        Raises:
            TemplateError: the data is of another format or a template in it is refused.
        """
        templates, labels = data.get("templates"), data.get("labels", {})
        if data.get("format") != FORMAT or not isinstance(templates, Mapping) or not isinstance(labels, Mapping):
            raise TemplateError(f"templates of format {FORMAT} are expected", file=where)
        read = {name: _read_template(_Source(f"{where}, {name}"), str(name), each) for name, each in templates.items()}
        words = {str(language): dict(each) for language, each in labels.items()}
        _check_labels(words)
        return cls(read, words)


def load_templates(
    places: Iterable[Path],
    *,
    max_segments: int | None = None,
    stages: Collection[str] | None = None,
    longest: Mapping[str, str] | None = None,
) -> Templates:
    """Load and check the templates of a policy.

    Args:
        places: folders or files where they are; of two templates of one name, the one in the earlier place is taken.
            A place that does not exist is skipped. Labels are taken word by word.
        max_segments: the policy's limit for every text, beside the template's own.
        stages: the policy's stages; a variant for another one is refused.
        longest: values already known, such as the bank's name, for the count of segments.

    Raises:
        TemplateError: a template is refused; the error says why, with file and line.
    """
    by_name: dict[str, Template] = {}
    labels: dict[str, dict[str, str]] = {}
    for place in places:
        if not place.exists():
            continue
        for path in sorted(place.glob("*.y*ml")) if place.is_dir() else [place]:
            source = _Source(str(path))
            data = read_located(path)
            source.located = data
            if isinstance(data.value, dict) and data.value.get("channel") == "labels":
                for language, words in _read_labels(source, data.value).items():
                    labels[language] = {**words, **labels.get(language, {})}
            elif path.stem not in by_name:
                by_name[path.stem] = _read_template(
                    source, path.stem, data.value, max_segments=max_segments, stages=stages, longest=longest or {}
                )
                _check_twice(source, by_name[path.stem])
    _check_labels(labels)
    return Templates(by_name, labels)


def shipped_templates() -> Path:
    """Return the folder of the templates that ship, in a checkout, an installed package or a Lambda layer."""
    here = Path(__file__).resolve()
    places = (
        here.parents[1] / "policies" / "templates",  # the wheel
        here.parents[2] / "policies" / "templates",  # a layer
        *(parent / "infra" / "policies" / "templates" for parent in here.parents[3:5]),  # a checkout
    )
    for place in places:
        if place.is_dir():
            return place
    raise TemplateError(f"the templates that ship are in none of {', '.join(map(str, places))}")


def fill(
    text: str, values: Mapping[str, Value], language: str, *, length: Literal["medium", "long"], template: str
) -> str:
    """Put values into a text. What is in a value is never read as a placeholder.

    Raises:
        TemplateError: a value is missing, or is not of its variable's kind.
    """

    def write(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in VARIABLES:
            raise TemplateError(f"template {template} uses the unknown variable {{{name}}}")
        if name not in values:
            raise TemplateError(f"template {template} needs a value for {{{name}}}")
        try:
            return write_value(name, values[name], language, length)
        except TypeError as error:
            raise TemplateError(f"template {template}: {error}") from error

    return _VARIABLE.sub(write, text)


def _choose(languages: Sequence[str], language: str, fallback: Sequence[str]) -> str:
    wanted = language.replace("_", "-")
    known = {each.lower(): each for each in languages}
    for tag in (wanted, _KIN.get(wanted, ""), *_ancestors(wanted), *fallback, _LAST_RESORT):
        if tag.lower() in known:
            return known[tag.lower()]
    return languages[0]


def _ancestors(tag: str) -> Iterable[str]:
    while "-" in tag:
        tag = tag.rsplit("-", 1)[0]
        yield tag
        if tag in _KIN:
            yield _KIN[tag]


def _merge(
    template: Template,
    language: str,
    country: str | None,
    risk_grade: str | None,
    stage: str | None,
    *,
    shared_phone: bool,
) -> dict[str, Field]:
    fitting = [
        text
        for text in template.texts
        if text.language == language and text.fits(country, risk_grade, stage, shared_phone=shared_phone)
    ]
    merged: dict[str, Field] = {}
    for text in sorted(fitting, key=lambda text: text.rank):
        merged.update(text.fields)
    return merged


def _parts(kind: str) -> dict[str, str]:
    return {**LETTER_PARTS, **(LAWYER_PARTS if kind == "lawyer_letter" else {})}


def _longest(text: str, language: str, known: Mapping[str, str]) -> SmsLength:
    """Count a text with its longest values; where a value may be in either script, the dearer one."""
    worst = measure("")
    for script in (0, 1):

        def longest(match: re.Match[str], script: int = script) -> str:
            name = match.group(1)
            writings = longest_values(name, language)
            if known.get(name):
                return write_value(name, known[name], language, "medium")
            return writings[min(script, len(writings) - 1)]

        size = measure(plain(_VARIABLE.sub(longest, text), language))
        worst = max(worst, size, key=lambda each: (each.segments, each.units))
    return worst


def plain(text: str, language: str) -> str:
    """Return a text without the typographic signs that alone would make it UCS-2 and more than double its price."""
    return text if language.startswith("zh") else text.translate(_PLAIN)


def tidy(text: str) -> str:
    """Return text as one line of prose: where a file breaks lines between Chinese characters, no space is left."""
    return _SPACE_BETWEEN_CJK.sub("", re.sub(r"\s+", " ", text)).strip()


@dataclass(slots=True)
class _Source:
    """Where a template comes from, for its error messages."""

    file: str
    located: Located | None = None

    def error(self, message: str, *path: str | int, find: str = "") -> TemplateError:
        line = self.located.line(path, find) if self.located else None
        return TemplateError(message, file=self.file, line=line)


_TEMPLATE_KEYS = frozenset({"name", "channel", "kind", "max_segments", "fallback", "texts", "about"})
_TEXT_KEYS = frozenset({"language", *_SELECTORS})


def _read_template(
    source: _Source,
    name: str,
    data: object,
    *,
    max_segments: int | None = None,
    stages: Collection[str] | None = None,
    longest: Mapping[str, str] | None = None,
) -> Template:
    if not isinstance(data, Mapping):
        raise source.error("a template is a mapping with the keys channel and texts")
    for key in data:
        if key not in _TEMPLATE_KEYS:
            raise source.error(f"unknown key {key}", key)
    if data.get("name", name) != name:
        raise source.error(f"the template is named {data['name']}, its file {name}", "name")
    channel = data.get("channel")
    if channel not in {"sms", "letter"}:
        raise source.error("channel is sms or letter", "channel")
    kind = str(data.get("kind", name))
    if channel == "letter" and kind not in LETTER_KINDS:
        raise source.error(f"kind is one of {', '.join(LETTER_KINDS)}", "kind")
    limit = data.get("max_segments", DEFAULT_MAX_SEGMENTS)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise source.error("max_segments is a whole number, 1 or more", "max_segments")
    limit = limit if max_segments is None else min(limit, max_segments)
    fallback = data.get("fallback", [])
    if not isinstance(fallback, list | tuple) or not all(isinstance(each, str) for each in fallback):
        raise source.error("fallback is a list of languages", "fallback")
    rows = data.get("texts")
    if not isinstance(rows, list | tuple) or not rows:
        raise source.error("texts is a list with at least one text", "texts")
    texts = tuple(_read_text(source, channel, index, row, stages) for index, row in enumerate(rows))
    template = Template(name, channel, texts, kind if channel == "letter" else "", limit, tuple(fallback))
    if channel == "sms":
        _check_sms(source, template, longest or {})
    else:
        _check_letter(source, template)
    return template


def _read_text(source: _Source, channel: Channel, index: int, row: object, stages: Collection[str] | None) -> Text:
    at = ("texts", index)
    if not isinstance(row, Mapping) or not isinstance(row.get("language"), str):
        raise source.error("each text names its language", *at)
    stage, grade, country = row.get("stage"), row.get("risk_grade"), row.get("country")
    if stages is not None and stage is not None and stage not in stages:
        raise source.error(f"stage {stage} is none of the policy's: {', '.join(stages)}", *at, "stage")
    if grade not in {None, "low", "medium", "high"}:
        raise source.error("risk_grade is low, medium or high", *at, "risk_grade")
    shared = row.get("shared_phone", False)
    if not isinstance(shared, bool) or (shared and channel != "sms"):
        raise source.error("shared_phone is true or false, and of an sms only", *at, "shared_phone")
    allowed = {"text"} if channel == "sms" else {*LETTER_PARTS, *LAWYER_PARTS}
    fields: dict[str, Field] = {}
    for key, value in row.items():
        if key in _TEXT_KEYS:
            continue
        if key not in allowed:
            raise source.error(f"unknown key {key}", *at, key)
        fields[key] = _read_field(source, channel, value, *at, key)
    return Text(str(row["language"]), fields, country, grade, stage, shared)


def _read_field(source: _Source, channel: Channel, value: object, *at: str | int) -> Field:
    pieces: Sequence[object] = value if isinstance(value, list | tuple) and channel == "letter" else [value]
    tidied: list[str] = []
    for piece in pieces:
        if not isinstance(piece, str) or not piece.strip():
            raise source.error("a text is expected here", *at)
        _check_words(source, channel, piece, *at)
        tidied.append(tidy(piece))
    return tuple(tidied) if isinstance(value, list | tuple) else tidied[0]


def _check_words(source: _Source, channel: Channel, text: str, *at: str | int) -> None:
    for match in _VARIABLE.finditer(text):
        variable = VARIABLES.get(match.group(1))
        if variable is None:
            raise source.error(f"unknown variable {match.group()}", *at, find=match.group())
        if channel not in variable.channels:
            raise source.error(f"{match.group()} cannot be used in an {channel}", *at, find=match.group())
    rest = _VARIABLE.sub("", text)
    if "{" in rest or "}" in rest:
        raise source.error("a brace is left open or closed alone", *at)
    for word in _THREATS:
        if word in text.lower():
            raise source.error(f"a text must not threaten: {word}", *at, find=word)


def _check_twice(source: _Source, template: Template) -> None:
    """Refuse a text of a file for exactly the cases of an earlier one: of what both say, one would silently win."""
    for index, text in enumerate(template.texts):
        for earlier in template.texts[:index]:
            alike = all(getattr(text, key) == getattr(earlier, key) for key in ("language", *_SELECTORS))
            if alike and set(text.fields) & set(earlier.fields):
                raise source.error(f"a text in {text.language} for the same cases is there already", "texts", index)


def _check_sms(source: _Source, template: Template, longest: Mapping[str, str]) -> None:
    for index, text in enumerate(template.texts):
        at = ("texts", index, "text")
        body = text.fields.get("text")
        if not isinstance(body, str):
            raise source.error("a text is expected here", "texts", index)
        if text.shared_phone:
            _check_shared(source, body, *at)
        size = _longest(body, text.language, longest)
        if size.segments > template.max_segments:
            raise source.error(
                f"with its longest values the text takes {size.segments} messages ({size.units} units, "
                f"{size.encoding}); {template.max_segments} are allowed",
                *at,
            )
    for language in template.languages:
        if "text" not in _merge(template, language, None, None, None, shared_phone=False):
            raise source.error(f"{language} has variants only, and no text for all other cases", "texts")


def _check_shared(source: _Source, body: str, *at: str | int) -> None:
    for match in _VARIABLE.finditer(body):
        if VARIABLES[match.group(1)].private:
            raise source.error(f"{match.group()} is not for others to read", *at, find=match.group())
    for word in _DEBT_WORDS:
        if word in body.lower():
            raise source.error(f"a text for a shared phone must not speak of a debt: {word}", *at, find=word)


def _check_letter(source: _Source, template: Template) -> None:
    for language in template.languages:
        merged = _merge(template, language, None, None, None, shared_phone=False)
        for key, part in _parts(template.kind).items():
            if not merged.get(key):
                raise source.error(f"{language} lacks {key} ({part})", "texts")


def _read_labels(source: _Source, data: Mapping[str, object]) -> dict[str, dict[str, str]]:
    texts = data.get("texts")
    if not isinstance(texts, Mapping):
        raise source.error("labels are a mapping from language to words", "texts")
    read: dict[str, dict[str, str]] = {}
    for language, words in texts.items():
        if not isinstance(words, Mapping):
            raise source.error("words are a mapping", "texts", language)
        for key, word in words.items():
            if not isinstance(word, str) or not word.strip():
                raise source.error(f"{key} is no text", "texts", language, key)
            read.setdefault(str(language), {})[str(key)] = tidy(word)
    return read


def _check_labels(labels: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse labels of which one language has a word, or a variable in it, that another one lacks.

    A variable is a plain name: what else Python's format takes reaches into objects, or pads a word to gigabytes.
    """
    for language, words in labels.items():
        for key, word in words.items():
            if set("{}") & set(_PLAIN_VARIABLE.sub("", word)):
                raise TemplateError(f"{key} in {language} has a brace that holds no plain name", file="labels")
    model = labels.get(_LAST_RESORT, {})
    for language, words in labels.items():
        for key in sorted({*model, *words}):
            if key not in model or key not in words:
                lacking = language if key not in words else _LAST_RESORT
                raise TemplateError(f"the labels in {lacking} lack {key}", file="labels")
            if sorted(_VARIABLE.findall(words[key])) != sorted(_VARIABLE.findall(model[key])):
                raise TemplateError(f"{key} in {language} has other variables than in {_LAST_RESORT}", file="labels")


def _template_data(template: Template) -> dict[str, object]:
    data: dict[str, object] = {"channel": template.channel, "texts": [_text_data(text) for text in template.texts]}
    if template.kind:
        data["kind"] = template.kind
    if template.channel == "sms":
        data["max_segments"] = template.max_segments
    if template.fallback:
        data["fallback"] = list(template.fallback)
    return data


def _text_data(text: Text) -> dict[str, object]:
    data: dict[str, object] = {"language": text.language}
    data |= {key: value for key in _SELECTORS if (value := getattr(text, key))}
    data |= {key: list(value) if isinstance(value, tuple) else value for key, value in text.fields.items()}
    return data
