"""The database: made by its steps, asked in a bounded time, and doing without."""

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, inspect, select, text

from cds.errors import StoreError
from cds.store import database, replay
from cds.store.database import Store
from cds.store.patients import PatientKey
from cds.store.replay import ReplayGuard
from cds.store.tables import metadata, tokens

FAR = 4_000_000_000


@pytest.fixture
def url(database):
    return database


@pytest.fixture
def opened(url):
    store = Store(url)
    store.migrate()
    yield store
    store.close()


def on(store, work):
    return asyncio.run(store.run(work))


def test_the_steps_lead_to_the_tables_that_the_code_knows(opened):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert on(opened, differences) == []


def test_to_migrate_twice_changes_nothing(opened, url):
    again = Store(url)

    assert again.migrate() == again.migrate()
    again.close()


def test_several_processes_may_migrate_at_once(url):
    stores = [Store(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Store.migrate, stores))

    assert "tokens" in on(stores[0], lambda connection: inspect(connection).get_table_names())
    for store in stores:
        store.close()


def test_tables_of_a_later_version_are_left_alone(opened, url):
    on(opened, lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    older = Store(url)

    with pytest.raises(StoreError, match="later version"):
        older.migrate()
    with pytest.raises(StoreError):
        older.prepare()
    older.close()


def test_each_token_is_new_once_whoever_asks(opened, url):
    other = Store(url)

    async def ask():
        guards = [ReplayGuard(store) for store in (opened, other) for _ in range(5)]
        return await asyncio.gather(*(guard.is_new("iss", "jti", FAR) for guard in guards))

    assert sorted(asyncio.run(ask())) == [False] * 9 + [True]
    other.close()


def test_tokens_of_other_issuers_are_others(opened):
    async def ask():
        guard = ReplayGuard(opened)
        return [await guard.is_new(*token, FAR) for token in (("a", "1"), ("b", "1"), ("a", "2"), ("a", "1"))]

    assert asyncio.run(ask()) == [True, True, True, False]


def test_a_row_names_neither_issuer_nor_token(opened):
    asyncio.run(ReplayGuard(opened).is_new("https://nachtwander.example", "nachtwander", FAR))

    row = on(opened, lambda connection: connection.execute(select(tokens)).one())

    assert "nachtwander" not in str(row)


def test_what_has_run_out_is_forgotten(opened, monkeypatch):
    monkeypatch.setattr(replay, "PURGE_EVERY", -1)

    async def ask():
        guard = ReplayGuard(opened)
        for number in range(5):
            await guard.is_new("iss", f"old {number}", 1)
        return await guard.is_new("iss", "new", FAR)

    assert asyncio.run(ask())
    assert on(opened, lambda connection: connection.scalar(select(func.count()).select_from(tokens))) == 1


def test_a_database_that_is_not_there_is_not_waited_for_twice(tmp_path, caplog):
    store = Store(f"sqlite:///{tmp_path}/missing/legwork.db")

    async def ask():
        guard = ReplayGuard(store)
        return [await guard.is_new("iss", jti, FAR) for jti in ("1", "2", "1")]

    assert asyncio.run(ask()) == [True, True, False]
    assert store.failures == 1
    assert "not to be had, 1 times" in caplog.text
    store.close()


def test_a_database_that_does_not_answer_is_not_waited_for(opened, monkeypatch):
    monkeypatch.setattr(database, "LONGEST", 0.01)
    release = threading.Event()

    with pytest.raises(StoreError):
        on(opened, lambda _: release.wait(10))

    release.set()
    assert opened.failures == 1


def test_a_database_that_comes_back_is_asked_again(opened, monkeypatch):
    with pytest.raises(StoreError):
        on(opened, lambda connection: connection.execute(text("no SQL")))
    with pytest.raises(StoreError, match="a moment ago"):
        on(opened, lambda connection: connection.execute(text("SELECT 1")))

    monkeypatch.setattr(opened, "_down_until", 0)

    assert asyncio.run(opened.is_up())


def test_an_unreachable_database_stops_no_start_and_names_no_password(caplog):
    caplog.set_level(logging.DEBUG)
    store = Store("postgresql://legwork:nachtwander@127.0.0.1:1/legwork")

    store.prepare()

    assert "not to be had" in caplog.text
    assert "nachtwander" not in caplog.text
    store.close()


@pytest.mark.parametrize("change", [lambda sealed: sealed[:-1], lambda _: b"", lambda sealed: b"x" + sealed])
def test_what_is_sealed_is_read_by_its_key_and_only_whole(change):
    key, words = PatientKey(b"k" * 32), b"Lena slept"
    sealed = key.seal(words)

    assert key.unseal(sealed) == words
    assert key.seal(words) != sealed
    assert words not in sealed
    with pytest.raises(StoreError):
        key.unseal(change(sealed))
    with pytest.raises(StoreError):
        PatientKey(b"o" * 32).unseal(sealed)
