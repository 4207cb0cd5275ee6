from collections.abc import Iterable

from app.client.sse import EventReader, ServerEvent


def read_events(lines: Iterable[str], last_id: str = "") -> list[ServerEvent]:
    reader = EventReader(last_id)
    return [event for line in lines if (event := reader.take(line)) is not None]


def test_an_event_has_its_type_data_and_id() -> None:
    lines = ["id: 7-0", "event: progress", "data: {}", ""]
    assert read_events(lines) == [ServerEvent(event="progress", data="{}", last_id="7-0")]


def test_comments_and_events_without_data_are_dropped() -> None:
    assert read_events([": ping", "", "event: nothing", "", "data: x", ""]) == [
        ServerEvent(event="message", data="x", last_id="")
    ]


def test_several_data_lines_are_one_text() -> None:
    assert [event.data for event in read_events(["data: a", "data:b", "data", ""])] == ["a\nb\n"]


def test_an_id_holds_until_the_next_one() -> None:
    events = read_events(["id: 1", "data: a", "", "data: b", "", "id: 2", "data: c", ""])
    assert [event.last_id for event in events] == ["1", "1", "2"]


def test_an_event_that_breaks_off_is_not_one() -> None:
    assert read_events(["id: 1", "data: half"]) == []


def test_the_id_of_the_connection_before_holds_until_an_event_has_one() -> None:
    events = read_events(["data: a", "", "id: 8", "data: b", ""], "7")
    assert [event.last_id for event in events] == ["7", "8"]


def test_an_id_counts_once_its_event_is_whole() -> None:
    reader = EventReader("7")
    reader.take("id: 8")
    reader.take("data: half")
    assert reader.last_id == "7"
