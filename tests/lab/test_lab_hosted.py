"""Hosted models, against a server in a thread: the cap holds whatever happens, and keys go nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lab.chat_server import KEY, Reply, Server, said

from groundsill.lab.data import Prepared
from groundsill.lab.evaluation.answers import kept
from groundsill.lab.prompting import hosted as module
from groundsill.lab.prompting.hosted import Answer, Client, Hosted
from groundsill.lab.prompting.hosted_measure import measure_hosted, understood
from groundsill.lab.prompting.purse import Purse
from groundsill.lab.prompting.rates import Rates
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Exit, Problem

Serve = Callable[[Callable[[dict[str, Any], int], Reply]], Server]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("TEST_KEY", KEY)
    made: list[Server] = []

    def start(reply: Callable[[dict[str, Any], int], Reply]) -> Server:
        made.append(Server(reply))
        return made[-1]

    yield start
    for server in made:
        server.close()


def client(server: Server, folder: Path, cap: float = 1.0, slept: list[float] | None = None, **more: Any) -> Client:
    hosted = Hosted(server.address, "m", cost_in=1e-6, cost_out=2e-6, key_variable="TEST_KEY", **more)
    waits = slept if slept is not None else []
    purse = Purse(folder / "purse.sqlite", cap)
    return Client(hosted, purse, folder / "cache", np.random.default_rng(0), sleep=waits.append)


def chat(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_an_answer_is_paid_once_and_kept(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda body, _: said(body["messages"][-1]["content"].upper()))
    first = client(server, tmp_path).ask(chat("häm"), 5)
    again = client(server, tmp_path).ask(chat("häm"), 5)
    assert first == Answer("HÄM", 10, 2, pytest.approx(14e-6)) and again == replace(first, cached=True)
    assert len(server.seen) == 1 and server.seen[0][0] == f"Bearer {KEY}"
    body = server.seen[0][1]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m", 0, 5)
    client(server, tmp_path).ask(chat("häm"), 6)
    assert len(server.seen) == 2  # another question
    spent = Purse(tmp_path / "purse.sqlite", 1.0).spent()
    assert (spent.settled, spent.open, spent.calls) == (pytest.approx(28e-6, rel=1e-4), 0, 2)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()
    kept_file = next(iter((tmp_path / "cache").rglob("*.json")))
    assert kept_file.stem.isalnum() and len(kept_file.stem) == 64


def test_a_damaged_cache_file_is_asked_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda body, _: said("x"))
    client(server, tmp_path).ask(chat("a"), 5)
    next(iter((tmp_path / "cache").rglob("*.json"))).write_text('{"text":')
    assert client(server, tmp_path).ask(chat("a"), 5).text == "x" and len(server.seen) == 2


def test_it_waits_and_tries_again(serve: Serve, tmp_path: Path) -> None:
    replies: list[Reply] = [(429, {"Retry-After": "7"}, {}), (503, {}, b"<html>"), (0, {}, ""), said("ok")]
    slept: list[float] = []
    server = serve(lambda _, number: replies[number - 1])
    asked = client(server, tmp_path, slept=slept)
    assert asked.ask(chat("a"), 5).text == "ok"
    assert len(slept) == 3 and 7 <= slept[0] <= 8 and 0 <= slept[1] <= 2 and 0 <= slept[2] <= 4
    spent = asked.purse.spent()  # the refusal was free; the fault and the lost answer stay at the most
    most = len(json.dumps(server.seen[0][1], ensure_ascii=False, sort_keys=True)) * 1e-6 + 5 * 2e-6
    assert spent.settled == pytest.approx(14e-6, rel=1e-4) and spent.open == pytest.approx(2 * most, rel=1e-4)


def test_retry_after_may_be_a_date() -> None:
    assert module._after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert module._after("Wed, 21 Oct 2099 07:28:00 GMT") > 1e9
    assert [module._after(t) for t in ("12", "-3", "soon", "")] == [12, 0, 0, 0]


@pytest.mark.parametrize(
    ("replies", "code", "requests"),
    [
        ([(429, {"Retry-After": "9999"}, {})], "prompting.host_busy", 1),
        ([(500, {}, {})] * 3, "prompting.host_busy", 3),
        ([(401, {}, {"error": {"message": f"bad key {KEY}"}})], "prompting.key_refused", 1),
        ([(404, {}, {"error": {"message": f"no model; your key is {KEY}\n\x1b[31m"}})], "prompting.refused", 1),
        ([(200, {}, {"choices": []})], "prompting.bad_reply", 1),
        ([(200, {}, b"not json")], "prompting.bad_reply", 1),
        ([said("x", read=-4)], "prompting.bad_reply", 1),
        ([said("x", read=10**9)], "prompting.charged_more", 1),
    ],
)
def test_what_the_server_does_wrong_has_a_name(
    serve: Serve, tmp_path: Path, replies: list[Reply], code: str, requests: int
) -> None:
    server = serve(lambda _, number: replies[number - 1])
    with pytest.raises(Problem) as caught:
        client(server, tmp_path, tries=3).ask(chat("a"), 5)
    assert caught.value.code == code and len(server.seen) == requests
    assert KEY not in str(caught.value.values()) and "\x1b" not in str(caught.value.got)
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_an_answer_without_a_count_is_counted_at_the_most(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda *_: said("x", None, None))
    asked = client(server, tmp_path)
    answer = asked.ask(chat("a"), 5)
    assert answer.cost > 14e-6 and asked.purse.spent().settled == pytest.approx(answer.cost, rel=1e-4)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_the_key_stays(serve: Serve, tmp_path: Path, status: int) -> None:
    other = serve(lambda *_: said("caught"))
    first = serve(lambda *_: (status, {"Location": other.address + "/chat/completions"}, {}))
    with pytest.raises(Problem) as caught:
        client(first, tmp_path).ask(chat("a"), 5)
    assert caught.value.code == "prompting.redirected" and not other.seen


def test_keys_come_from_the_environment_and_never_go_out_in_the_clear(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda *_: said("x"))
    purse = Purse(tmp_path / "p.sqlite", 1.0)

    def make(address: str, variable: str = "TEST_KEY") -> Client:
        return Client(Hosted(address, "m", 0.0, 0.0, variable), purse, tmp_path, np.random.default_rng(0))

    assert make("http://example.org/v1", "")._address == "http://example.org/v1/chat/completions"
    for address, code in (
        ("http://example.org/v1", "prompting.plain_http"),
        ("ftp://example.org", "prompting.bad_address"),
        (f"https://me:{KEY}@example.org/v1", "prompting.bad_address"),
    ):
        with pytest.raises(Problem) as caught:
            make(address)
        assert caught.value.code == code and KEY not in str(caught.value.values())
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(Problem) as caught:
        make(server.address).ask(chat("a"), 5)
    assert caught.value.code == "prompting.no_key" and not server.seen
    make(server.address, "").ask(chat("a"), 5)
    assert server.seen[0][0] == ""
    assert KEY not in repr(make(server.address, "").hosted)


@given(
    cap=st.floats(0, 10),
    steps=st.lists(st.tuples(st.floats(0, 3), st.one_of(st.none(), st.floats(0, 1))), max_size=12),
)
@settings(max_examples=30, deadline=None)
def test_no_sequence_of_calls_passes_the_cap(
    tmp_path_factory: pytest.TempPathFactory, cap: float, steps: list[tuple[float, float | None]]
) -> None:
    """steps: the most a call may cost, and the share of it that it does (None: its answer is lost)."""
    purse = Purse(tmp_path_factory.mktemp("p") / "p.sqlite", cap)
    for most, share in steps:
        before = purse.spent()
        try:
            entry = purse.reserve(most)
        except Problem as e:
            assert e.code == "prompting.cap_reached" and before.settled + before.open + most > cap - 1e-8
            assert purse.spent() == before
            continue
        if share is not None:
            purse.settle(entry, most * share)
        after = purse.spent()
        assert after.settled + after.open <= cap


def test_the_cap_holds_when_many_ask_at_once(serve: Serve, tmp_path: Path) -> None:
    server = serve(lambda *_: said("x", 50, 5))
    one = client(server, tmp_path)
    most = len(one._body(chat("00"), 5)) * 1e-6 + 5 * 2e-6
    tight = client(server, tmp_path, cap=4.5 * most)

    def go(i: int) -> str:
        try:
            return tight.ask(chat(f"{i:02}"), 5).text
        except Problem as e:
            return e.code

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(go, range(40)))
    spent = tight.purse.spent()
    assert set(found) == {"x", "prompting.cap_reached"} and len(server.seen) == found.count("x")
    assert spent.settled + spent.open <= 4.5 * most
    cost = 50e-6 + 10e-6
    assert spent.settled == pytest.approx(found.count("x") * cost, rel=1e-4)


def test_what_was_set_aside_outlives_a_crash_and_other_processes_see_it(tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from groundsill.lab.prompting.purse import Purse\n"
        "p = Purse(Path(sys.argv[1]), 1.0); p.settle(p.reserve(0.3), 0.1); p.reserve(0.4); os._exit(9)"
    )
    path = tmp_path / "p.sqlite"
    done = subprocess.run([sys.executable, "-c", code, str(path)], env={**os.environ, "PYTHONPATH": "src"})
    assert done.returncode == 9
    purse = Purse(path, 1.0)
    assert (purse.spent().settled, purse.spent().open) == (pytest.approx(0.1), pytest.approx(0.4))
    with pytest.raises(Problem) as caught:
        purse.reserve(0.6)
    assert caught.value.code == "prompting.cap_reached" and caught.value.exit is Exit.RESUMABLE
    purse.reserve(0.49)


def test_many_processes_share_one_cap(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from groundsill.lab.prompting.purse import Purse\n"
        "from groundsill.terms.problem import Problem\n"
        "p, done = Purse(Path(sys.argv[1]), 3.05), 0\n"
        "for i in range(30):\n"
        "    try: p.reserve(0.1); done += 1\n"
        "    except Problem: pass\n"
        "print(done)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "p.sqlite")]
    env = {**os.environ, "PYTHONPATH": "src"}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) for _ in range(3)]
    assert sum(int(one.communicate()[0]) for one in running) == 30
    spent = Purse(tmp_path / "p.sqlite", 3.05).spent()
    assert spent.calls == 30 and spent.open == pytest.approx(3.0)


def test_a_damaged_book_stops_everything(tmp_path: Path) -> None:
    path = tmp_path / "p.sqlite"
    path.write_bytes(b"this is no database, and it is long enough to be looked at " * 20)
    with pytest.raises(Problem) as caught:
        Purse(path, 1.0)
    assert caught.value.code == "prompting.purse_broken" and caught.value.exit is Exit.INTEGRITY
    for cap in (-1.0, float("nan"), float("inf")):
        with pytest.raises(Problem) as caught:
            Purse(tmp_path / "q.sqlite", cap)
        assert caught.value.code == "prompting.bad_cap"


@given(
    requests=st.one_of(st.none(), st.integers(1, 5)),
    tokens=st.one_of(st.none(), st.integers(10, 50)),
    sizes=st.lists(st.tuples(st.integers(1, 60), st.floats(0, 30)), min_size=1, max_size=30),
)
@settings(deadline=None)
def test_rates_hold_in_every_minute(requests: int | None, tokens: int | None, sizes: list[tuple[int, float]]) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        assert seconds > 0
        now[0] += seconds

    rates = Rates(requests, tokens, lambda: now[0], sleep)
    sent: list[tuple[float, int]] = []
    for size, pause in sizes:
        now[0] += pause
        asked = now[0]
        entry = rates.enter(size)
        sent.append((entry[0], size))
        if requests is None and tokens is None:
            assert now[0] == asked
    for at, _ in sent:
        inside = [s for t, s in sent if at - 60 < t <= at]
        assert requests is None or len(inside) <= requests
        assert tokens is None or sum(inside) <= tokens or len(inside) == 1


def test_answers_are_understood() -> None:
    words = ("Tops", "Dresses", "好")
    assert [understood(t, words) for t in ('"tops."', "Ｔops", "Dresses\nbecause", "好。", "Tops or Dresses", "")] == [
        0, 0, 1, 2, -1, -1,
    ]  # fmt: skip


def test_a_hosted_model_is_measured_and_goes_on_where_the_cap_stopped_it(
    serve: Serve, planted: Prepared, tmp_path: Path
) -> None:
    told = {"apple": "fruit", "pear": "fruit", "plum": "fruit", "oak": "tree", "elm": "tree", "ash": "tree"}
    none = planted.test.texts[3]

    def reply(body: dict[str, Any], _: int) -> Reply:
        text = body["messages"][-1]["content"]
        assert "Fruit" in body["messages"][0]["content"]
        assert [m["role"] for m in body["messages"]] == ["system", *["user", "assistant"] * 2, "user"]
        if none in text:
            return said("I cannot tell")
        return said(next((told[w] for w in text.split() if w in told), "metal"), 100, 2)

    server = serve(reply)
    recipe = (("choice", "balanced"), ("words", "Fruit|Metal|Tree"))
    candidate = Candidate("prompt", "few-shot", "hosted/here/m", recipe)
    common: dict[str, Any] = {"task": "text-classification", "metric": "accuracy", "shots": 2, "seed": 0,
                              "hardware": "hosted", "rows": 60, "work": tmp_path}  # fmt: skip
    with pytest.raises(Problem) as caught:
        measure_hosted(candidate, planted, client(server, tmp_path, cap=0.004), **common)
    assert caught.value.code == "prompting.cap_reached" and 0 < len(server.seen) < 60
    run = measure_hosted(candidate, planted, client(server, tmp_path, cap=1.0), **common)
    assert len(server.seen) == len({json.dumps(body, sort_keys=True) for _, body in server.seen})  # nothing paid twice
    asked_none = int(f"Text: {none}\n" in "".join(b["messages"][-1]["content"] for _, b in server.seen))
    assert run.test_rows == 60 and run.at == {"labels": 2.0} and run.value == pytest.approx(1 - asked_none / 60)
    assert "cost 0.0" in run.note and "log-loss" not in run.scores
    answers = kept(tmp_path, run.id, 60)
    assert answers is not None and answers.shape == (60, 4)
    assert (answers.argmax(axis=1) == 3).sum() == asked_none
    for recipe in ((("calibration", "batch"),), (("labels", 50),)):
        with pytest.raises(Problem) as caught:
            other = Candidate("prompt", "few-shot", "hosted/here/m", recipe)
            measure_hosted(other, planted, client(server, tmp_path), **common)
        assert caught.value.code == "prompting.not_hosted"
