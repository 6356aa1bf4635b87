"""The figures that README.md quotes, and the reports that they stand in.

A report's path is relative to ``benchmarks/results``. Where there is none, the page says so.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    """A quotation.

    Attributes
    ----------
    quote : str
        Words of the README, with single spaces for line breaks.
    figures : tuple of str
        As the README has them.
    source : str or None
        The report with these figures.
    script : str
        What makes the report.
    lines : tuple of str
        Words of the report's line of each figure, so that no other line passes for it.
    """

    quote: str
    figures: tuple
    source: str | None
    script: str
    lines: tuple = ()


CLAIMS = (
    Claim(
        "breast cancer 0.979 against 0.919",
        ("0.979", "0.919"),
        "sampled_mlp/readouts.rst",
        "sampled_mlp_readouts.py",
        ("breast cancer  0.003          the energy-based model", "the MLP with its weights"),
    ),
)


def is_in_source(claim, results):
    """Whether the figures stand in the report, in the lines that are meant; None without one."""
    if claim.source is None:
        return None
    path = results / claim.source
    if not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = claim.lines or ("",) * len(claim.figures)
    return all(
        any(figure in line and words in line for line in lines)
        for figure, words in zip(claim.figures, wanted, strict=True)
    )
