import json

from tests.app.service import Service, example, faults, few_shot, problem


def test_examples_are_stored_by_their_content(service: Service) -> None:
    body = {"task": "mtod", "language": "ES", "examples": few_shot()}
    first = service.http.post("/datasets", json=body)
    again = service.http.post("/datasets", json=body)

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert first.headers["location"] == f"/datasets/{first.json()['dataset_id']}"
    assert first.json()["language"] == "es"
    assert first.json()["intents"] == {
        "alarm/set_alarm": 6,
        "reminder/set_reminder": 6,
        "weather/find": 6,
    }


def test_a_dataset_can_be_looked_at(service: Service) -> None:
    stored = service.http.post("/datasets", json={"language": "es", "examples": [example()]})

    read = service.http.get(stored.headers["location"])

    assert read.status_code == 200
    assert read.json() == stored.json()
    assert read.json()["slots"] == {"datetime": 1}


def test_a_file_gives_the_same_dataset_as_its_examples(service: Service) -> None:
    as_json = service.http.post("/datasets", json={"language": "es", "examples": [example()]})
    as_file = service.http.post(
        "/datasets", data={"language": "es"}, files={"examples": ("es.jsonl", json.dumps(example()).encode())}
    )
    as_text = service.http.post(
        "/datasets", files={"language": (None, "es"), "examples": (None, json.dumps(example()))}
    )

    assert as_json.json() == as_file.json() == as_text.json()


def test_any_label_may_be_stored(service: Service) -> None:
    body = {"language": "es", "examples": [example(intent="music/play")]}

    assert service.http.post("/datasets", json=body).status_code == 201


def test_without_examples_there_is_nothing_to_store(service: Service) -> None:
    assert "/examples" in faults(service.refused(422, {"language": "es"}, "/datasets"))


def test_an_unknown_dataset_is_not_found(service: Service) -> None:
    problem(service.http.get("/datasets/nobody"), 404)


def test_a_damaged_dataset_is_told_as_our_fault(service: Service) -> None:
    stored = service.http.post("/datasets", json={"language": "es", "examples": [example()]}).json()
    (service.folder / "datasets" / stored["dataset_id"] / "manifest.json").write_text("{")

    problem(service.http.get(f"/datasets/{stored['dataset_id']}"), 500)
