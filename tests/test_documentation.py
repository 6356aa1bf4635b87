"""What the documentation shows can be typed, what it links to is there, and nothing is left out.

Python is shown as doctests, which the test run runs (``--doctest-glob``); shell commands are parsed
here with the command line's own parser, without a fit.
"""

import importlib
import inspect
import re
import shlex
from pathlib import Path

import pytest

import qsklearn
from qsklearn import _cli_compare
from qsklearn._cli import _compare, _make_parser
from qsklearn._cli_errors import CommandError

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# What the build makes, and what belongs to the test run.
MADE = {"_build", "generated", "auto_examples"}
PAGES = sorted(
    page for page in DOCS.rglob("*.rst") if not MADE.intersection(page.relative_to(DOCS).parts)
)
# Pages that the build writes: the gallery's.
MADE_PAGES = {"auto_examples/index"}
# Not pages themselves: the gallery's heading, and templates of generated pages.
PARTS = {"examples/GALLERY_HEADER", "_templates/autosummary/base", "_templates/autosummary/class"}

# Languages of code blocks that nobody can type; the others are checked.
UNCHECKED = {"text", "bibtex", "none", "json", "ini", "yaml", "toml"}
TARGET = re.compile(r"^([A-Za-z][\w-]*):", re.MULTILINE)


def name_of(page):
    return page.relative_to(DOCS).with_suffix("").as_posix()


def chapters():
    return [page for page in PAGES if name_of(page) not in PARTS]


def indented(lines, start, indent):
    """The lines from `start` on that stand further in than `indent`, and blank ones between."""
    block = []
    for line in lines[start:]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        block.append(line)
    return "\n".join(block).strip("\n")


def blocks_of_rst(text):
    """Language and text of each code block; a literal block after ``::`` has no language."""
    lines = text.splitlines()
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if found := re.match(r"\s*\.\. (?:code-block|code|sourcecode)::\s*(\S*)", line):
            yield found[1], indented(lines, i + 1, indent)
        elif line.rstrip().endswith("::") and not line.lstrip().startswith(".. "):
            yield "", indented(lines, i + 1, indent)


def blocks_of_markdown(text):
    for found in re.finditer(r"^```(\S*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield found[1], found[2]


def all_blocks():
    for page in chapters():
        for language, block in blocks_of_rst(page.read_text(encoding="utf-8")):
            yield page, language, block
    readme = ROOT / "README.md"
    for language, block in blocks_of_markdown(readme.read_text(encoding="utf-8")):
        yield readme, language, block


def commands_in(block):
    """Lines that a user types: those after a prompt, or all if no line has one."""
    lines = block.replace("\\\n", " ").splitlines()
    typed = [line.strip()[2:] for line in lines if line.strip().startswith("$ ")]
    typed = typed or lines
    return [re.sub(r"\s#\s.*", "", line).strip() for line in typed if line.strip()]


def typed_commands():
    for page, language, block in all_blocks():
        if language in ("console", "bash", "shell", "sh") or (
            language == "" and ">>>" not in block
        ):
            for command in commands_in(block):
                yield page.relative_to(ROOT).as_posix(), command


class Understood(Exception):
    """Raised where a comparison would begin to work."""


@pytest.fixture
def check_command(monkeypatch):
    """A function that raises CommandError for what would be refused before any work."""

    def begin(*_):
        raise Understood

    monkeypatch.setattr(_cli_compare, "load_data", begin)

    def check(command):
        args = _make_parser().parse_args(shlex.split(command)[1:])
        if args.run is _compare:
            args.output = None  # no folder is to be made
            with pytest.raises(Understood):
                args.run(args)

    return check


@pytest.mark.parametrize(
    ("page", "command"),
    sorted({pair for pair in typed_commands() if pair[1].startswith("qsklearn ")}),
)
def test_commands_are_understood(page, command, check_command):
    check_command(command)


@pytest.mark.parametrize(
    "options", ["--data irish", "--sampler exat", "--estimators iris", "--param n_hiden=2"]
)
def test_a_mistyped_command_is_found(options, check_command):
    check_command("qsklearn compare --data iris --sampler exact")
    with pytest.raises(CommandError):
        check_command(f"qsklearn compare {options}")


def test_make_targets_exist():
    targets = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
    typed = [shlex.split(command) for _, command in typed_commands()]
    wanted = {
        word
        for words in typed
        if "make" in words
        for word in words[words.index("make") + 1 :]
        if "=" not in word
    }
    assert "docs" in wanted or "demo" in wanted
    assert wanted - targets == set()


def test_scripts_and_modules_exist():
    """What is run by ``python``: a file of this repository, or a module."""
    for page, command in typed_commands():
        words = shlex.split(command)
        if "python" in words and words[-1] != "python":
            script = words[words.index("python") + 1]
            assert script.startswith("-") or (ROOT / script).is_file(), (page, command)


def test_code_is_of_a_kind_that_is_checked():
    strange = [
        (page.name, language)
        for page, language, block in all_blocks()
        if language not in UNCHECKED | {"", "console", "bash", "shell", "sh"}
        and not (language in ("python", "pycon") and ">>>" in block)
    ]
    assert strange == []


def public_names():
    modules = ["qsklearn", *(f"qsklearn.{room}" for room in qsklearn._ROOMS)]
    for path in modules:
        for name in importlib.import_module(path).__all__:
            thing = getattr(importlib.import_module(path), name)
            if inspect.ismodule(thing):
                modules.extend([f"{path}.{name}"] if f"{path}.{name}" not in modules else [])
            elif not name.startswith("__"):
                yield f"{path}.{name}", thing


def names_in_api():
    """Full names in the lists of ``api.rst``, by the module that was current there."""
    module, names = None, set()
    for line in (DOCS / "api.rst").read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif re.fullmatch(r"   \w+", line):
            names.add(f"{module}.{line.strip()}")
    return names


def test_public_names_are_in_the_api():
    listed = {thing for path, thing in public_names() if path in names_in_api()}
    missing = [path for path, thing in public_names() if thing not in listed]
    assert missing == []


def test_the_api_lists_public_names_once():
    listed = names_in_api()
    assert listed - {path for path, _ in public_names()} == set()
    text = (DOCS / "api.rst").read_text(encoding="utf-8")
    assert len(re.findall(r"^   \w+$", text, re.MULTILINE)) == len(listed)


def entries_of_toctrees(page):
    text = page.read_text(encoding="utf-8")
    lines = text.splitlines()
    for i, line in enumerate(lines):
        if line.strip() == ".. toctree::":
            for entry in indented(lines, i + 1, len(line) - len(line.lstrip())).splitlines():
                entry = entry.strip()
                if entry and not entry.startswith(":"):
                    titled = re.fullmatch(r".*<(.+)>", entry)
                    yield resolve(page, titled[1] if titled else entry)


def resolve(page, target):
    """A document's name from a link to it, which is relative to the page or, with /, to docs."""
    base = DOCS if target.startswith("/") else page.parent
    # Without resolving links: the name of a document, whether it is there or not.
    parts = []
    for part in (base / target.lstrip("/")).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return Path(*parts).relative_to(DOCS).as_posix()


def test_every_page_is_in_one_toctree():
    entries = [entry for page in chapters() for entry in entries_of_toctrees(page)]
    pages = {name_of(page) for page in chapters()}
    assert pages - set(entries) == {"index"}
    assert set(entries) - pages == MADE_PAGES
    assert len(entries) == len(set(entries))


@pytest.mark.parametrize("page", chapters(), ids=name_of)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    documents = {name_of(page) for page in chapters()} | MADE_PAGES
    for title, plain in re.findall(r":doc:`(?:[^`<]*<([^`>]+)>|([^`<]+))`", text):
        assert resolve(page, title or plain) in documents
    for file in re.findall(r"\.\. (?:include|figure|image|plot|literalinclude):: (\S+)", text):
        # The plot directive looks from the documentation's folder, the others from the page's.
        assert any((folder / file).is_file() for folder in (page.parent, DOCS)), file


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_no_example_is_skipped():
    for page in [*chapters(), ROOT / "README.md"]:
        assert "+SKIP" not in page.read_text(encoding="utf-8"), page.name


def test_terms_are_in_the_glossary():
    glossary = (DOCS / "glossary.rst").read_text(encoding="utf-8")
    known = {term.lower() for term in re.findall(r"^   (\S.*)$", glossary, re.MULTILINE)}
    for page in chapters():
        text = page.read_text(encoding="utf-8")
        for target, plain in re.findall(r":term:`(?:[^`<]*<([^`>]+)>|([^`<]+))`", text):
            assert " ".join((target or plain).split()).lower() in known, page.name
