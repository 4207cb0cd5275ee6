import json

from tests.app.service import Service, example, faults, few_shot, problem


def test_dataset_id_is_of_the_content(service: Service) -> None:
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


def test_dataset_view_has_sizes_and_labels(service: Service) -> None:
    stored = service.http.post("/datasets", json={"language": "es", "examples": [example()]})

    response = service.http.get(stored.headers["location"])

    assert response.status_code == 200
    assert response.json() == stored.json()
    assert response.json()["slots"] == {"datetime": 1}


def test_file_gives_the_same_dataset_as_json(service: Service) -> None:
    as_json = service.http.post("/datasets", json={"language": "es", "examples": [example()]})
    as_file = service.http.post(
        "/datasets", data={"language": "es"}, files={"examples": ("es.jsonl", json.dumps(example()).encode())}
    )
    as_text = service.http.post(
        "/datasets", files={"language": (None, "es"), "examples": (None, json.dumps(example()))}
    )

    assert as_json.json() == as_file.json() == as_text.json()


def test_dataset_accepts_labels_that_the_base_does_not_know(service: Service) -> None:
    body = {"language": "es", "examples": [example(intent="music/play")]}

    assert service.http.post("/datasets", json=body).status_code == 201


def test_dataset_without_examples_is_refused(service: Service) -> None:
    assert "/examples" in faults(service.refused(422, {"language": "es"}, "/datasets"))


def test_unknown_dataset_is_not_found(service: Service) -> None:
    problem(service.http.get("/datasets/nobody"), 404)


def test_damaged_dataset_is_a_server_error(service: Service) -> None:
    stored = service.http.post("/datasets", json={"language": "es", "examples": [example()]}).json()
    (service.folder / "datasets" / stored["dataset_id"] / "manifest.json").write_text("{")

    problem(service.http.get(f"/datasets/{stored['dataset_id']}"), 500)
