"""The promises of every token store, kept by the one in memory and the one in Redis; and what Redis must not see."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from clients.scripted import Reply
from connector.clients.salesforce import MemoryTokens, SalesforceConfig, Token, TokenStore
from connector.clients.salesforce.tokens import RedisTokens

from .rig import Rig, side_by_side

TOKEN = Token("session-secret", "http://127.0.0.1:1", "00Dxx0000001gPLEAY")
CONFIG = SalesforceConfig("https://acme.my.salesforce.com", "app", client_secret="app-secret")
EMPTY = Reply({"totalSize": 0, "done": True, "records": []})


@pytest.fixture
def gone() -> Iterator[Redis]:
    """A Redis nobody answers for."""
    client = Redis(port=1, socket_timeout=0.2, socket_connect_timeout=0.2, retry=Retry(NoBackoff(), 0))
    yield client
    client.close()


@pytest.fixture(params=["memory", "redis", "redis gone"])
def store(request: pytest.FixtureRequest) -> TokenStore:
    makers: dict[str, Callable[[], TokenStore]] = {
        "memory": MemoryTokens,
        "redis": lambda: RedisTokens(request.getfixturevalue("redis"), CONFIG),
        "redis gone": lambda: RedisTokens(request.getfixturevalue("gone"), CONFIG),
    }
    return makers[request.param]()


def test_a_new_store_is_empty(store: TokenStore) -> None:
    assert store.get() is None


def test_the_newest_token_is_kept(store: TokenStore) -> None:
    store.put(Token("older", "x", "y"))
    store.put(TOKEN)
    assert store.get() == TOKEN


def test_one_thread_at_a_time_holds_the_lock(store: TokenStore) -> None:
    inside = threading.Semaphore(1)
    met: list[bool] = []

    def enter() -> None:
        with store.lock():
            met.append(inside.acquire(blocking=False))
            inside.release()

    assert side_by_side(4, enter) == []
    assert met == [True] * 4


def test_the_lock_is_free_again_after_an_error(store: TokenStore) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="refused"), store.lock():
            raise ValueError("refused")


def test_processes_share_the_token(redis: Redis) -> None:
    RedisTokens(redis, CONFIG).put(TOKEN)
    assert RedisTokens(redis, CONFIG).get() == TOKEN


def test_the_lock_holds_between_processes(redis: Redis) -> None:
    mine, theirs = RedisTokens(redis, CONFIG), RedisTokens(redis, CONFIG)
    order: list[str] = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with theirs.lock():
            order.append("theirs")

    with mine.lock():
        thread = threading.Thread(target=wait)
        thread.start()
        assert waiting.wait(5)
        order.append("mine")
    thread.join()
    assert order == ["mine", "theirs"]


def test_a_holder_that_died_does_not_block_for_ever(redis: Redis) -> None:
    impatient = RedisTokens(redis, CONFIG, wait=0.1)
    with RedisTokens(redis, CONFIG).lock(), impatient.lock():
        impatient.put(TOKEN)
    assert impatient.get() == TOKEN


def test_redis_never_sees_the_token(redis: Redis) -> None:
    RedisTokens(redis, CONFIG).put(TOKEN)
    for key in redis.scan_iter("*"):
        assert b"session-secret" not in (redis.get(key) or b"")
        assert 0 < redis.ttl(key) <= 24 * 3600


def test_a_rotated_secret_makes_the_old_token_unreadable_not_an_error(redis: Redis) -> None:
    RedisTokens(redis, CONFIG).put(TOKEN)
    rotated = SalesforceConfig(CONFIG.login_url, CONFIG.client_id, client_secret="new-secret")
    assert RedisTokens(redis, rotated).get() is None


def test_what_somebody_else_left_there_is_no_token(redis: Redis) -> None:
    store = RedisTokens(redis, CONFIG)
    store.put(TOKEN)
    for key in redis.scan_iter("*"):
        redis.set(key, b"rubbish")
    assert store.get() is None


def test_different_apps_do_not_share_a_token(redis: Redis) -> None:
    RedisTokens(redis, CONFIG).put(TOKEN)
    other = SalesforceConfig("https://other.my.salesforce.com", "app", client_secret="app-secret")
    assert RedisTokens(redis, other).get() is None


def test_a_token_is_not_shown() -> None:
    assert "session-secret" not in repr(TOKEN)
    assert "app-secret" not in repr(CONFIG)


def test_many_workers_with_one_expired_session_log_in_once(redis: Redis, salesforce: Rig) -> None:
    salesforce(lambda asked: EMPTY)
    assert salesforce.server is not None
    url = salesforce.server.url
    config = SalesforceConfig(url, "sandbox", client_secret="sandbox")
    RedisTokens(redis, config).put(Token("long-expired", url, TOKEN.org_id))

    def worker() -> None:
        salesforce.client(url, RedisTokens(redis, config)).query("SELECT Id FROM Case")

    assert side_by_side(16, worker) == []
    assert salesforce.logins.count == 1
