"""What is said to alerts stands whoever raises them again, and silences are kept."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.conftest import World
from wsmon.domain.alerts import ACKNOWLEDGED, RESOLVED, AlertRecord, SilenceRecord

ALERT = AlertRecord("orphaned/w1", "orphaned", "critical", "w1", "[b]x \x1b", 10, 10)


def test_an_acknowledgement_outlives_what_is_raised_again(world: World) -> None:
    store = world.store
    assert not store.mark_alert(ALERT.fingerprint, ACKNOWLEDGED, by="ann", at=5)
    assert store.alerts() == []
    store.put_alert(ALERT)
    assert store.mark_alert(ALERT.fingerprint, ACKNOWLEDGED, by="ann", reason="on it", at=15)
    store.put_alert(replace(ALERT, first_at=20, last_at=20, text="later", severity="warning"))
    (found,) = world.other().alerts()
    assert found == replace(
        ALERT,
        last_at=20,
        text="later",
        severity="warning",
        count=2,
        status=ACKNOWLEDGED,
        by="ann",
        reason="on it",
        changed_at=15,
    )


def test_one_that_has_ended_begins_anew(world: World) -> None:
    world.store.put_alert(ALERT)
    world.store.mark_alert(ALERT.fingerprint, RESOLVED, at=30)
    assert [(a.status, a.changed_at) for a in world.store.alerts()] == [(RESOLVED, 30)]
    again = replace(ALERT, first_at=40, last_at=40)
    world.store.put_alert(again)
    assert world.other().alerts() == [again]


def test_silences(world: World) -> None:
    first = SilenceRecord("b", {"workset": "RUN-*", "kind": "error"}, 1, 20, "ann", "known [b]")
    second = replace(first, silence_id="a", ends_at=30)
    for silence in (second, first, replace(first, ends_at=25)):
        world.store.put_silence(silence)
    assert world.other().silences() == [replace(first, ends_at=25), second]
    world.store.remove_silence("a")
    world.store.remove_silence("a")
    assert [silence.silence_id for silence in world.store.silences()] == ["b"]
