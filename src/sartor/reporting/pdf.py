"""The report on paper: the same page as html.py makes, set by WeasyPrint as a tagged PDF/UA file."""

from __future__ import annotations

import logging

from sartor.domain.report import Report
from sartor.errors import MissingExtra
from sartor.reporting import html
from sartor.reporting.changes import Changes


def render(report: Report, changes: Changes | None = None, *, language: str = "en") -> bytes:
    """The content of a PDF file. Raises MissingExtra when WeasyPrint is not installed."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise MissingExtra(
            "a PDF needs WeasyPrint, which is not installed or lacks its libraries",
            where=str(error),
            todo='pip install "sartor[pdf]"',
        ) from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    page = weasyprint.HTML(string=html.render(report, changes, language=language, paper=True), url_fetcher=_refuse)
    return bytes(page.write_pdf(pdf_variant="pdf/ua-1"))


def _refuse(url: str, *_: object, **__: object) -> dict[str, object]:
    """Nothing is fetched: the page is self-contained."""
    raise ValueError(f"{url} is not part of the report")
