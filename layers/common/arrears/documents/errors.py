"""What can be wrong with a template or with what is put into a document."""


class DocumentError(ValueError):
    """A document cannot be made from what was given; trying again changes nothing."""


class TemplateError(DocumentError):
    """A template is refused; says where, as `file:line: message`, when that is known."""

    def __init__(self, message: str, *, file: str = "", line: int | None = None) -> None:
        self.file = file
        self.line = line
        self.message = message
        place = f"{file}:{line}: " if file and line is not None else f"{file}: " if file else ""
        super().__init__(place + message)


class MissingPartError(DocumentError):
    """A document lacks a part that it must have; `part` names it."""

    def __init__(self, part: str, document: str) -> None:
        self.part = part
        super().__init__(f"the {document} cannot be made: {part} is missing")


class FontsNotFoundError(DocumentError):
    """The font files that the documents are set in were found nowhere."""


class ChainBrokenError(DocumentError):
    """The events of a case are not the ones that were recorded; `event` is the number of the first that is not."""

    def __init__(self, event: int, why: str) -> None:
        self.event = event
        super().__init__(f"event {event} of the case: {why}")
