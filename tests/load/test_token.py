"""Where the token of a load comes from, and where there must be one."""

from pathlib import Path

import pytest

from mmebench.errors import BadInputError
from mmebench.load.processes.token import read_token, token_for, token_of
from mmebench.spec.workload import Workers
from support.commands import mmebench

TOKEN = "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def _no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MMEBENCH_TOKEN", raising=False)


def write(path: Path, token: str, mode: int = 0o600) -> Path:
    path.write_text(token)
    path.chmod(mode)
    return path


def workers(listen: str, **more: object) -> Workers:
    return Workers.model_validate({"listen": listen, "count": 2, **more})


def test_it_comes_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_token(None) is None
    monkeypatch.setenv("MMEBENCH_TOKEN", TOKEN)
    assert read_token(None) == TOKEN
    assert read_token(write(tmp_path / "token", "f" * 64 + "\n")) == "f" * 64, "the file is what was named"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = write(tmp_path / "token", TOKEN, mode)
    with pytest.raises(BadInputError, match=f"got mode {mode:04o}; allowed: 0600.*chmod 600 {file}"):
        read_token(file)


def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMEBENCH_TOKEN", "secret")
    with pytest.raises(BadInputError, match=r"MMEBENCH_TOKEN: got a token of 6 characters; allowed: 32 or more"):
        read_token(None)
    with pytest.raises(BadInputError, match=r"none: No such file"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize("listen", ["10.0.0.1:5557", "0.0.0.0:5557", "*:5557", "lead.internal:5557"])
def test_a_load_that_others_can_reach_has_a_token(listen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError, match=r"no token, so that anybody could join.*insecure: true does without"):
        token_of(workers(listen))
    with pytest.raises(BadInputError, match=r"another host, and no token.*--insecure does without"):
        token_for(listen.partition(":")[0], None, insecure=False)
    assert token_of(workers(listen, insecure=True)) is None
    monkeypatch.setenv("MMEBENCH_TOKEN", TOKEN)
    assert token_of(workers(listen)) == token_for(listen.partition(":")[0], None, insecure=False) == TOKEN


def test_on_this_host_alone_it_may_do_without(tmp_path: Path) -> None:
    assert token_of(workers("127.0.0.2:5557")) is None
    assert token_for("localhost", None, insecure=False) is None
    assert token_of(workers("127.0.0.2:5557", token=write(tmp_path / "token", TOKEN))) == TOKEN


def test_a_worker_without_one_is_refused_before_it_connects(tmp_path: Path) -> None:
    done = mmebench("worker", "192.0.2.1:5557", cwd=tmp_path)
    assert done.returncode == 2
    assert "mmebench: got 192.0.2.1, which is another host, and no token" in done.stderr
    assert "Traceback" not in done.stderr
