"""What every source promises, whoever the vendor is. Each source's test class inherits this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from werkzeug.test import TestResponse

from connector.errors import Unavailable
from connector.models.events import Fate
from connector.webhooks.routes import MOST_BYTES
from connector.webhooks.source import Source

from .memory import NOW, SITE, Desk, desk

SECRET, OLD_SECRET, STRANGERS_SECRET = "a-secret", "the-secret-before", "a-strangers-secret"
LONG_AGO = NOW - timedelta(days=365)
FAR_AHEAD = NOW + timedelta(days=1)


@dataclass(frozen=True)
class Packed:
    """A delivery as it goes over the wire."""

    body: bytes
    headers: Mapping[str, str]


class SourceContract(ABC):
    """Fill in the abstract parts; the tests come with them."""

    name: ClassVar[str]
    refusal: ClassVar[int] = 401
    signs_time: ClassVar[bool] = True

    @abstractmethod
    def make(self, secrets: Sequence[str]) -> Source | None:
        """The source of one site, by its factory in the registry."""

    @abstractmethod
    def pack(self, content: bytes, secret: str, at: datetime) -> Packed:
        """Content, sent and signed as the vendor does."""

    @abstractmethod
    def unsigned(self, packed: Packed) -> Packed:
        """The same without what proves it."""

    @abstractmethod
    def tampered(self, packed: Packed) -> Packed:
        """The same with one thing changed after it was signed."""

    @abstractmethod
    def handled(self) -> bytes:
        """Content of an event that is handled."""

    @abstractmethod
    def unknown(self) -> bytes:
        """Content of an event of a kind nobody knows."""

    # ------------------------------------------------------------------------------------------------------

    def desk(self, *secrets: str) -> Desk:
        source = self.make(secrets or (SECRET,))
        return desk({(self.name, SITE): source} if source else {})

    def post(self, at: Desk, packed: Packed) -> TestResponse:
        headers = dict(packed.headers)
        return at.client.post(f"/webhooks/{self.name}", data=packed.body, headers=headers)

    def refused(self, at: Desk, packed: Packed) -> None:
        answer = self.post(at, packed)
        assert answer.status_code == self.refusal
        assert answer.json
        assert set(answer.json) == {"error", "message"}
        assert not at.inbox.events
        assert at.bell.rung == 0

    def recorded_as(self, content: bytes, fate: Fate) -> None:
        at = self.desk()
        answer = self.post(at, self.pack(content, SECRET, NOW))
        assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
        assert at.inbox.only.fate is fate
        assert fate is Fate.HANDLED or at.inbox.only.note

    def test_a_signed_delivery_is_recorded_and_wakes_the_next_stage(self) -> None:
        at = self.desk()
        answer = self.post(at, self.pack(self.handled(), SECRET, NOW))
        assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
        event = at.inbox.only
        assert (event.source, event.site, event.fate) == (self.name, SITE, Fate.HANDLED)
        assert event.pointers
        assert at.bell.rung == 1

    def test_a_tampered_body_is_refused(self) -> None:
        self.refused(self.desk(), self.tampered(self.pack(self.handled(), SECRET, NOW)))

    def test_a_strangers_signature_is_refused(self) -> None:
        self.refused(self.desk(), self.pack(self.handled(), STRANGERS_SECRET, NOW))

    def test_a_delivery_that_proves_nothing_is_refused(self) -> None:
        self.refused(self.desk(), self.unsigned(self.pack(self.handled(), SECRET, NOW)))

    def test_a_secret_of_one_rotation_ago_is_still_good(self) -> None:
        at = self.desk(SECRET, OLD_SECRET)
        assert self.post(at, self.pack(self.handled(), OLD_SECRET, NOW)).status_code == 200
        assert self.post(at, self.pack(self.unknown(), SECRET, NOW)).status_code == 200
        assert len(at.inbox.events) == 2

    @pytest.mark.parametrize("secrets", [("",), (" ", "")], ids=["empty", "blank"])
    def test_an_empty_secret_is_a_closed_door(self, secrets: tuple[str, ...]) -> None:
        assert self.make(secrets) is None
        at = self.desk(*secrets)
        answer = self.post(at, self.pack(self.handled(), "x", NOW))
        assert answer.status_code == 404
        assert not at.inbox.events

    def test_an_empty_secret_beside_a_good_one_opens_nothing(self) -> None:
        at = self.desk("", SECRET)
        self.refused(at, self.pack(self.handled(), "", NOW))
        assert self.post(at, self.pack(self.handled(), SECRET, NOW)).status_code == 200

    @pytest.mark.parametrize("at", [LONG_AGO, FAR_AHEAD], ids=["long ago", "far ahead"])
    def test_a_signature_of_another_time_is_refused(self, at: datetime) -> None:
        if not self.signs_time:
            pytest.skip("this source does not sign a time: a replay is only a duplicate")
        self.refused(self.desk(), self.pack(self.handled(), SECRET, at))

    def test_an_unknown_kind_is_kept_and_shown(self) -> None:
        self.recorded_as(self.unknown(), Fate.UNKNOWN)

    @pytest.mark.parametrize(
        "content",
        [b"", b"\xff\xfe\xfa", b"\x00", b"null", b"[]", b"{}", b"not even", b"[" * 100_000, b"9" * 100_000],
        ids=["empty", "not UTF-8", "NUL", "null", "array", "object", "text", "deep nesting", "huge number"],
    )
    def test_what_is_signed_but_unreadable_is_kept(self, content: bytes) -> None:
        self.recorded_as(content, Fate.UNREADABLE)

    def test_a_truncated_body_is_kept(self) -> None:
        self.recorded_as(self.handled()[:-3], Fate.UNREADABLE)

    def test_the_same_delivery_twice_is_one_event(self) -> None:
        at = self.desk()
        packed = self.pack(self.handled(), SECRET, NOW)
        assert self.post(at, packed).json == {"accepted": 1, "duplicates": 0}
        assert self.post(at, packed).json == {"accepted": 0, "duplicates": 1}
        assert len(at.inbox.events) == 1

    def test_one_mebibyte_is_taken_and_one_byte_more_is_not(self) -> None:
        at = self.desk()
        whole = self.pack(self.handled().ljust(MOST_BYTES), SECRET, NOW)
        assert len(whole.body) >= MOST_BYTES
        assert self.post(at, Packed(whole.body + b" ", whole.headers)).status_code == 413
        assert not at.inbox.events
        if len(whole.body) == MOST_BYTES:
            assert self.post(at, whole).status_code == 200

    @pytest.mark.parametrize(
        "fault", [Unavailable("ledger", "It is out.", retry_after=7.2), RuntimeError("anything")], ids=type
    )
    def test_a_ledger_that_cannot_be_written_answers_503(self, fault: Exception) -> None:
        at = self.desk()
        at.inbox.fault = fault
        answer = self.post(at, self.pack(self.handled(), SECRET, NOW))
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) >= 5
        assert at.bell.rung == 0

    def test_a_wake_that_fails_loses_nothing(self) -> None:
        at = self.desk()
        at.bell.fault = ConnectionError("the queue is out")
        answer = self.post(at, self.pack(self.handled(), SECRET, NOW))
        assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0})
        assert len(at.inbox.events) == 1
