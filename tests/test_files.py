"""Files that are whole or not there, whatever comes between."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from qsklearn._files import replace_file, sweep_up


def test_a_file_is_made_and_replaced(tmp_path):
    path = tmp_path / "file"
    assert replace_file(path, [b"one"]) == 1
    assert replace_file(str(path), [b"t", b"wo"]) == 2
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_files_are_as_open_to_others_as_any(tmp_path):
    replace_file(tmp_path / "ours", [b""])
    (tmp_path / "any").touch()
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_what_was_there_stays_when_writing_fails(tmp_path):
    path = tmp_path / "file"
    replace_file(path, [b"old"])

    def parts():
        yield b"new"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        replace_file(path, parts())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_errors_name_the_file_that_was_asked_for(tmp_path):
    path = tmp_path / "no folder" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        replace_file(path, [b""])
    assert caught.value.filename == str(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_a_whole_file(tmp_path):
    path = tmp_path / "file"
    code = f"""
    from qsklearn._files import replace_file
    number = 0
    while True:
        number += 1
        replace_file({str(path)!r}, [str(number % 10).encode() * 500_000])
        print("written", flush=True)
    """
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE
        )
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        content = path.read_bytes()
        assert len(content) == 500_000 and len(set(content)) == 1


def test_only_what_is_old_is_swept_up(tmp_path):
    path = tmp_path / "file"
    old, recent, other = (tmp_path / n for n in (".file.a.tmp", ".file.b.tmp", ".other.a.tmp"))
    for each in (path, old, recent, other):
        each.touch()
    for each in (path, old, other):
        os.utime(each, (0, 0))
    sweep_up(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, recent, other])
