"""The commands as scripts and people call them: words, documents, exit statuses."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
import pytest

from airnet import __version__
from airnet.cli import main
from airnet.cli.group import MODULES, airnet
from airnet.domain.decision import (
    Action,
    Decision,
    Mode,
    TargetType,
    Tier,
    with_id,
)
from airnet.domain.verdict import Cause
from airnet.errors import ConfigError
from airnet.record.file import LEDGER, FileLedger, read
from airnet.replay import Order, replay
from airnet.score.seal import SIGNATURES
from airnet.shipped import models_path
from airnet.twin.traffic import generate
from tests.fakes.verdicts import T0
from tests.unit.test_replay import all_gone, copy_models

DATA = Path(__file__).parent.parent.parent / "src" / "airnet" / "data"
COMMANDS = sorted(MODULES)
ENFORCE = (
    '[cause.flood]\naction = "drop_sources"\ntier_max = 2\nmode = "enforce"\n'
    '[cause.algo_fault]\naction = "throttle_session"\ntier_max = 4\nmode = "enforce"\n'
)
GATEWAY = '[[gateway]]\nip = "10.0.0.1"\nport = 1\n'
FIRM = '[[firm]]\nname = "a"\n[[firm.session]]\nhost = "x"\ncomp_id = "A"\n'
RULE = (
    '[[rule]]\nname = "r"\nwindow = "session"\nfeature = "nope"\n'
    'limit = 1\ncause = "algo_fault"\n'
)
BORNE_OUT = "airnet: every number and word is what the ledger says\n"
Capture = pytest.CaptureFixture[str]


def said(capfd: Capture, *words: object) -> tuple[int, str, str]:
    """Run a command here; return exit status, standard output and standard error."""
    status = main([str(word) for word in words])
    return status, *capfd.readouterr()


def spawned(
    words: Sequence[str], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "airnet", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **paths, **environment},
        timeout=60,
    )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ledger of the demonstration's scenes under an enforcing policy."""
    folder = tmp_path_factory.mktemp("demo")
    generate("demo", 3).write(folder / "demo.pcapng")
    (folder / "policy.toml").write_text(ENFORCE)
    order = Order(
        files=(folder / "demo.pcapng",),
        policy=folder / "policy.toml",
        ledger=folder / "ledger",
    )
    assert replay(order, print).decisions
    return folder / "ledger"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does(capfd: Capture, command: str) -> None:
    status, out, err = said(capfd, command, "--help")

    assert (status, err) == (0, "")
    assert out.startswith(f"Usage: airnet {command} ")
    assert all(len(line) <= 88 for line in out.splitlines())
    found = airnet.get_command(click.Context(airnet), command)
    assert found is not None
    assert len(found.get_short_help_str(200)) > 20


def test_help_lists_every_command_and_every_exit_status(capfd: Capture) -> None:
    status, out, _ = said(capfd, "--help")

    assert status == 0
    assert all(f"  {command} " in out for command in COMMANDS)
    assert all(f"{number}  " in out for number in (0, 1, 64, 65, 69, 70, 78))


def test_version_is_the_package_s(capfd: Capture) -> None:
    assert said(capfd, "--version")[:2] == (0, f"airnet, version {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["bogus"],
        ["replay"],
        ["replay", "--bogus", "x"],
        ["replay", "--batch", "0", "x"],
        ["replay", "--batch", "many", "x"],
        ["verify"],
        ["controller", "--listen", "nowhere"],
        ["controller", "--listen", "127.0.0.1:0"],
        ["controller", "--listen", "127.0.0.1:99999"],
    ],
)
def test_wrong_usage_is_64(capfd: Capture, words: list[str]) -> None:
    status, out, err = said(capfd, *words)

    assert (status, out) == (64, "")
    assert "rror: " in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS)
def test_with_json_an_error_is_one_document(capfd: Capture, command: str) -> None:
    """Of wrong usage, of every command; what, where, whose fault, remedy, status."""
    status, out, _ = said(capfd, command, "--json", "--bogus")

    told = json.loads(out)["error"]
    assert status == told["exit_status"] == 64
    assert told["fault_of"] == "command line"
    assert "--help" in told["remedy"]
    assert "--bogus" in told["what"] or "--json" in told["what"]


@pytest.mark.parametrize(
    ("words", "status", "where"),
    [
        (["twin", "run", "knight_2012", "--policy", "NONE/p", "--json"], 78, "NONE/p"),
        (["verify", "--json", "NONE"], 64, "NONE"),
        (["policy", "show", "--json", "NONE/policy.toml"], 78, "NONE/policy.toml"),
        (["replay", "--json", "NONE/day.pcap"], 65, "NONE/day.pcap"),
        (["actions", "--json", "--socket", "NONE/airnet.sock"], 69, "NONE/airnet.sock"),
        (["models", "verify", "NONE", "--json"], 65, "NONE"),
    ],
)
def test_with_json_an_error_says_where(
    capfd: Capture, tmp_path: Path, words: list[str], status: int, where: str
) -> None:
    named = [word.replace("NONE", str(tmp_path / "none")) for word in words]

    found, out, _ = said(capfd, *named)

    told = json.loads(out)["error"]
    assert (found, told["exit_status"]) == (status, status)
    assert where.replace("NONE", str(tmp_path / "none")) in told["where"]
    assert told["remedy"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_complete(shell: str) -> None:
    done = spawned([], _AIRNET_COMPLETE=f"{shell}_source")

    assert done.returncode == 0
    assert "_AIRNET_COMPLETE" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("word", ["lint", "verify", "incidents", "explain"])
def test_a_full_output_is_no_bug(word: str, options: list[str], ledger: Path) -> None:
    command = [sys.executable, "-m", "airnet", word, *options, str(ledger)]
    # Unbuffered, nothing is left to fail at the end.
    paths = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""}

    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, **paths},
            check=False,
        )

    assert done.returncode == 69
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_verify_tells_a_whole_ledger_from_an_altered_one(
    capfd: Capture, ledger: Path, tmp_path: Path
) -> None:
    """Any byte: the document says it, and the exit status is 1."""
    status, out, _ = said(capfd, "verify", "--json", ledger)
    assert (status, json.loads(out)["problems"]) == (0, [])
    data = (ledger / LEDGER).read_bytes()

    for place in range(0, len(data), len(data) // 23):
        altered = bytearray(data)
        altered[place] ^= 1
        (tmp_path / LEDGER).write_bytes(altered)
        (tmp_path / "checkpoint").write_bytes((ledger / "checkpoint").read_bytes())

        status, out, err = said(capfd, "verify", "--json", tmp_path)

        assert status == 1, place
        assert json.loads(out)["problems"]
        assert "Traceback" not in err


@pytest.mark.parametrize("command", ["verify", "incidents", "explain"])
def test_where_there_is_no_ledger_one_line_says_so(
    capfd: Capture, tmp_path: Path, command: str
) -> None:
    for place in (tmp_path, tmp_path / "gone"):
        status, out, err = said(capfd, command, place)

        assert (status, out) == (64, "")
        assert err.count("\n") == 1
        assert "no ledger" in err


def test_incidents_and_explain_tell_what_the_ledger_says(
    capfd: Capture, ledger: Path
) -> None:
    status, out, _ = said(capfd, "incidents", "--json", ledger)
    found = json.loads(out)
    assert status == 0
    assert {"flood", "algo_fault"} <= {one["cause"] for one in found}

    status, out, _ = said(capfd, "explain", "--json", ledger, found[-1]["id"])
    (story,) = json.loads(out)

    assert status == 0
    assert story["narrative"].startswith(f"Incident {found[-1]['id']}: ")
    entries = {entry.sequence: entry for entry in read(ledger)}
    for one in story["moved"]:
        body = entries[one["entry"]].body
        assert body["id"] == one["decision_id"]
        assert one["problem"] == ""
        kept = body["features"]
        assert isinstance(kept, list)
        found = one["explanation"]
        assert found["shares"]
        assert found["error"] < 1e-9
        assert all(share["value"] in kept for share in found["shares"])


def test_explain_for_people_cites_and_weighs(capfd: Capture, ledger: Path) -> None:
    assert said(capfd, "incidents", ledger)[0] == 0

    status, out, err = said(capfd, "explain", ledger)

    assert (status, err) == (0, "")
    assert "What moved the model" in out
    assert "benign: " in out


def test_models_that_nobody_signed_are_taken_when_asked_for(
    capfd: Capture, ledger: Path, tmp_path: Path
) -> None:
    """By explain, which tells what it can without, and by `twin run`."""
    own = tmp_path / "models"
    shutil.copytree(models_path(), own)
    for folder in ("session", "flood"):
        (own / folder / SIGNATURES).unlink()
    told = ["explain", ledger, "--check", "--models", own]
    played = ["twin", "run", "quiet", "--seconds", "2", "--sessions", "3", "--json"]
    played += ["--models", str(own)]

    assert said(capfd, *told)[0] == 1
    assert said(capfd, *told, "--unsigned")[0] == 0
    status, out, _ = said(capfd, *played)
    assert (status, json.loads(out)["error"]["fault_of"]) == (65, "models")
    status, out, _ = said(capfd, *played, "--unsigned")
    assert json.loads(out)["scenario"] == "quiet"
    assert status in (0, 1)


def test_what_begins_with_a_session_that_said_no_name_bears_out(
    capfd: Capture, tmp_path: Path
) -> None:
    """An alert about who has no CompID: its story has a heading without a target."""
    alert = Decision(
        id="",
        t_ns=T0,
        cause=Cause.UNKNOWN,
        tier=Tier.OBSERVE,
        action=Action.ALERT,
        target_type=TargetType.SESSION,
        target=("",),
        until_ns=0,
        mode=Mode.SHADOW,
        rule="drift.new_peer",
        measured=0,
        limit=0,
        probability=1.0,
        why="The site file knows no session without CompID.",
        first_ns=T0,
        window_kind=1,
        subject=0,
    )
    book = FileLedger(tmp_path / "ledger")
    book.append("decision", T0, msgspec.to_builtins(with_id(alert)))
    book.close()

    status, out, err = said(capfd, "explain", tmp_path / "ledger", "--check")

    assert (status, err) == (0, BORNE_OUT)
    assert "drift.new_peer" in out


def test_explain_checks_every_number_of_a_story(
    capfd: Capture, ledger: Path, tmp_path: Path
) -> None:
    """What was told holds; one digit more in what the model said does not."""
    status, out, err = said(capfd, "explain", ledger, "--check")
    assert (status, err) == (0, BORNE_OUT)
    story = tmp_path / "story.txt"
    story.write_text(out)
    assert said(capfd, "explain", ledger, "--story", story)[0] == 0

    story.write_text(out.replace("moved it by +", "moved it by +1"))
    status, out, err = said(capfd, "explain", ledger, "--story", story)
    assert (status, out) == (1, "")
    assert "not borne out: line " in err


def test_a_story_tells_how_rare_the_evidence_was(capfd: Capture, ledger: Path) -> None:
    """What stands beside an opinion is in the entry, and told from there."""
    status, out, _ = said(capfd, "explain", ledger, "--json")

    assert status == 0
    entries = {entry.sequence: entry.body for entry in read(ledger)}
    kept = [body["evidence"] for body in entries.values() if "features" in body]
    named = [one for one in kept if isinstance(one, dict) and one["regime"]]
    assert named
    for one in named:
        told = f"in the regime {one['regime']}, at most {one['p_value_ppm']} show"
        assert told in out


def test_explain_without_the_models_says_what_it_cannot_weigh(
    capfd: Capture, ledger: Path, tmp_path: Path
) -> None:
    folder = copy_models(tmp_path)
    all_gone(folder)

    status, out, _ = said(capfd, "explain", ledger, "--models", folder)

    assert status == 0
    assert "not weighed: " in out


def test_explain_finds_an_incident_by_a_decision(capfd: Capture, ledger: Path) -> None:
    one = json.loads(said(capfd, "incidents", "--json", ledger)[1])[-1]
    for name in (one["id"][:8], one["decisions"][-1]["id"]):
        assert one["id"] in said(capfd, "explain", ledger, name)[1]


def test_explain_of_an_unknown_incident_names_those_there_are(
    capfd: Capture, ledger: Path
) -> None:
    status, out, err = said(capfd, "explain", ledger, "nope")

    assert (status, out) == (64, "")
    assert "it has: " in err


def test_an_altered_ledger_is_told_with_a_warning(
    capfd: Capture, ledger: Path, tmp_path: Path
) -> None:
    text = (ledger / LEDGER).read_text().replace('"limit":', '"limjt":', 1)
    (tmp_path / LEDGER).write_text(text)
    (tmp_path / "checkpoint").write_bytes((ledger / "checkpoint").read_bytes())

    status, _, err = said(capfd, "incidents", tmp_path)

    assert status == 1
    assert "does not verify" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("site", GATEWAY + "\n" + GATEWAY + "colour = 3\n",
         ":8: gateway[1].colour: unknown"),
        ("site", '[[gateway]]\nip = "10.0.0.1"\nport = "x"\n', ":3: gateway[0].port"),
        ("site", "[[gateway]]\nport = 9\n", ":1: gateway[0]: `ip` is missing"),
        ("site", '[[gateway]]\nip = "10.0.0.1"\nport = 0\n', ":3: gateway[0].port: "),
        ("site", FIRM, ":3: firm[0].session[0]: 'x' does not"),
        ("site", '[[protected]]\nwhy = "w"\nnetwork = "10/33"\n', ":3: "),
        ("policy", "[cause.flood]\nttl_ms = 0\n", ":2: cause.flood.ttl_ms: "),
        ("policy", '[cause.volatility]\naction = "drop_sources"\n',
         ":2: cause.volatility.action: invalid enum"),
        ("policy", '[cause.normal]\nmode = "enforce"\n', ":1: cause.normal: unknown"),
        ("policy", RULE, "no feature nope"),
        ("policy", "a = \n", ":1: not TOML"),
        ("policy", "a = 1\na = 2\n", "not TOML"),
        ("airnet", "[capture]\n", ":1: capture: `interface` is missing"),
        ("airnet", '[capture]\ninterface = "e/0"\n', ":2: capture.interface: "),
        ("airnet", '[capture]\ninterface = "e"\nqueues = true\n', ":3: capture.queues"),
        ("airnet", '[capture]\ninterface = "e"\n[service]\nmetrics_host = "x"\n',
         ":3: service: 'x' does not"),
        ("airnet", 'site = "gone.toml"\n[capture]\ninterface = "e"\n', "gone.toml: "),
    ],
)  # fmt: skip
def test_lint_names_file_line_and_field(
    capfd: Capture, tmp_path: Path, name: str, text: str, expected: str
) -> None:
    file = tmp_path / f"{name}.toml"
    file.write_text(text)

    status, out, err = said(capfd, "lint", file)

    assert (status, err) == (78, "")
    assert expected in out
    assert str(tmp_path) in out
    document = json.loads(said(capfd, "lint", "--json", file)[1])
    assert expected in "".join(one for each in document for one in each["problems"])


def test_lint_finds_nothing_wrong_with_what_is_shipped(
    capfd: Capture, tmp_path: Path
) -> None:
    """The examples beside each other, as an operator copies them."""
    for name in ("airnet.toml", "site.toml"):
        (tmp_path / name).write_text((DATA / f"{name}.example").read_text())
    (tmp_path / "policy.toml").write_text((DATA / "policy.toml").read_text())

    status, out, _ = said(capfd, "lint", "--json", tmp_path / "airnet.toml")

    kinds = [(one["kind"], one["problems"]) for one in json.loads(out)]
    assert status == 0
    assert kinds == [("config", []), ("site", []), ("policy", [])]


def test_lint_tells_an_agents_file_from_the_agents(
    capfd: Capture, tmp_path: Path
) -> None:
    for name in ("agent.toml", "agents.toml"):
        (tmp_path / name).write_text((DATA / f"{name}.example").read_text())

    files = tmp_path / "agent.toml", tmp_path / "agents.toml"
    status, out, _ = said(capfd, "lint", "--json", *files)

    kinds = [(one["kind"], one["problems"]) for one in json.loads(out)]
    assert status == 0, out
    assert kinds == [("agent", []), ("agents", [])]


def test_lint_says_what_run_would_refuse_of_a_gateway(
    capfd: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "site.toml"
    file.write_text(
        '[[gateway]]\nip = "10.0.0.1"\nport = 1\ncontrol_fix = "http://nonsense"\n'
    )

    status, out, _ = said(capfd, "lint", file)

    assert status == 78
    assert "control_fix 'http://nonsense' is not fix://" in out


def test_lint_holds_a_policy_against_its_site(capfd: Capture, tmp_path: Path) -> None:
    site, policy = tmp_path / "site.toml", tmp_path / "policy.toml"
    site.write_text('[[gateway]]\nip = "10.0.0.1"\nport = 1\n')
    policy.write_text(ENFORCE + 'assets = ["GONE"]\n')

    status, out, _ = said(capfd, "lint", site, policy)

    assert status == 78
    assert f"{policy}:9: cause.algo_fault.assets: the site knows no GONE" in out
    assert f"{site}:2: gateway 10.0.0.1:1: not on the protected list" in out


def test_lint_holds_agents_against_policy_and_site(
    capfd: Capture, tmp_path: Path
) -> None:
    rung = '[[cause.algo_fault.rung]]\naction = "throttle_process"\n'
    rung += 'needs = ["lower_failed"]\n'
    (tmp_path / "policy.toml").write_text("[cause.algo_fault]\ntier_max = 5\n" + rung)
    session = '[[firm]]\nname = "a"\n[[firm.session]]\nhost = "10.0.0.1"\n'
    (tmp_path / "site.toml").write_text(session + 'comp_id = "A"\nalgorithm = "b"\n')
    plain = 'site = "site.toml"\npolicy = "policy.toml"\n'
    config = tmp_path / "airnet.toml"
    config.write_text(plain + '[capture]\ninterface = "e"\n')
    lacking = said(capfd, "lint", config)[1]
    config.write_text(plain + 'agents = "agents.toml"\n[capture]\ninterface = "e"\n')
    (tmp_path / "agents.toml").write_text(
        'certificate = "c"\nkey = "k"\nauthority = "a"\n'
        '[[agent]]\nhost = "10.0.0.2"\naddress = "10.0.9.2:7443"\n'
    )

    named = said(capfd, "lint", config)[1]

    assert "throttle_process, but airnet.toml names no `agents`" in lacking
    assert "names no `agents`" not in named
    assert "agent of 10.0.0.2: no session is from there" in named


def test_run_without_its_file_is_78(capfd: Capture, tmp_path: Path) -> None:
    status, out, err = said(capfd, "run", "--config", tmp_path / "gone.toml")

    assert (status, out, err.count("\n")) == (78, "", 1)


def test_controller_that_cannot_listen_says_where(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = spawned(["controller", "--listen", where])
    gone = spawned(
        ["controller", "--listen", where, "--socket", str(tmp_path / "gone" / "s")]
    )

    for found, said_in in ((done, where), (gone, "gone/s: cannot listen")):
        assert found.returncode == 69
        assert said_in in found.stderr.splitlines()[-1]
        assert "Traceback" not in found.stderr


def test_a_closed_output_is_no_bug(ledger: Path) -> None:
    """`airnet explain LEDGER | head -1` ends quietly."""
    command = f"{sys.executable} -m airnet explain {ledger} | head -1"

    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["doctor"], ["doctor", "--json"]])
def test_doctor_never_fails(capfd: Capture, words: list[str]) -> None:
    status, out, err = said(capfd, *words)

    assert status in (0, 69)
    assert "privileges" in out
    assert "Traceback" not in err


@pytest.mark.root
def test_models_verify_says_what_scores_them(capfd: Capture, tmp_path: Path) -> None:
    status, out, _ = said(capfd, "models", "verify", "--json")
    assert status == 0
    assert [one["name"] for one in json.loads(out)] == ["session", "flood"]
    assert all(one["rows"] > 500 and not one["why"] for one in json.loads(out))

    status, out, _ = said(capfd, "models", "verify")
    assert status == 0
    assert json.loads(said(capfd, "models", "verify", "--json")[1])[0]["kernel"] in out

    status, out, err = said(capfd, "models", "verify", str(tmp_path))
    assert (status, out) == (65, "")
    assert "has no manifest" in err


def test_doctor_says_what_nobody_lacks() -> None:
    """Without any privilege it answers too, and says what that costs."""
    # Not another user: one may not read a tree that lies in root's home.
    nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(
        [*nobody, sys.executable, "-m", "airnet", "doctor", "--json"],
        capture_output=True,
        check=False,
        env={**os.environ, **paths},
    )

    features = {one["name"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 69
    assert done.stderr == b""
    assert not features["privileges"]["ok"]
    assert not features["xdp_native"]["ok"]


def test_an_error_is_one_line_whatever_is_in_it(capfd: Capture, tmp_path: Path) -> None:
    status, _, err = said(capfd, "replay", tmp_path / "a\nb\x1b[31m.pcap")

    assert status == 65
    assert err.count("\n") == 1
    assert str(ConfigError("what", "remedy")) == "what (operator); remedy"
