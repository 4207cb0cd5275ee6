"""The files of the containers fit the code and each other."""

import re
from importlib.util import find_spec
from typing import Any

import pytest
import yaml

from tests.repository import ROOT

SETTING = re.compile(r"XMETRA_[A-Z0-9_]+")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def services(name: str = "docker-compose.yml") -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read(name))["services"]
    return found


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.gpu.yml", ".env.example"])
def test_every_setting_that_a_file_names_is_one(name: str) -> None:
    """The reference is compared with the code by a test of its own."""
    assert set(SETTING.findall(read(name))) <= set(SETTING.findall(read("docs/reference/settings.md")))


def test_what_can_be_chosen_is_in_the_example_and_nothing_else() -> None:
    asked = set(re.findall(r"\$\{(\w+)", read("docker-compose.yml")))
    assert asked == set(re.findall(r"^(?:# )?(\w+)=", read(".env.example"), re.MULTILINE))


def test_one_line_switches_the_encoder_of_all_that_choose_one() -> None:
    chosen = {name: one.get("environment", {}).get("XMETRA_ENCODER") for name, one in services().items()}
    assert chosen["api"] == chosen["first-base"] == "${ENCODER:-embedded}"
    assert re.findall(r"^ENCODER=(.*)$", read(".env.example"), re.MULTILINE) == ["embedded"]


def test_api_and_worker_share_a_store_a_queue_and_weights() -> None:
    api, worker = services()["api"], services()["worker"]
    assert api["volumes"] == worker["volumes"] == ["store:/data", "weights:/weights"]
    for name in ("XMETRA_STORE_URL", "XMETRA_REDIS_URL"):
        assert api["environment"][name] == worker["environment"][name]
    assert "HF_HOME=/weights" in read("Dockerfile")


def test_no_api_has_a_port_or_a_name_that_a_second_one_would_want() -> None:
    for name in ("api", "worker"):
        assert not {"ports", "container_name", "hostname"} & set(services()[name])
    assert services()["gateway"]["ports"] == ["${PUBLISH:-127.0.0.1:8000}:8000"]


def test_the_gateway_finds_apis_by_the_name_and_port_they_have() -> None:
    assert f"api:{services()['api']['environment']['XMETRA_PORT']} check" in read("deploy/haproxy.cfg")


def test_a_queue_is_written_down_and_never_evicted() -> None:
    command = " ".join(services()["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_what_runs_on_is_restarted_and_looked_after() -> None:
    lasting = {name: one for name, one in services().items() if name != "first-base"}
    assert {one["restart"] for one in lasting.values()} == {"unless-stopped"}
    assert all("healthcheck" in one for one in lasting.values())
    *_, module = services()["worker"]["healthcheck"]["test"]
    assert find_spec(module) is not None


def test_no_image_runs_as_root() -> None:
    stages = {
        stage.split()[2]: stage for stage in re.split(r"^FROM ", read("Dockerfile"), flags=re.MULTILINE)[1:]
    }
    built = {one["build"]["target"] for one in services().values() if "build" in one}
    for name in built:
        assert re.findall(r"^USER (\w+)", stages[name], re.MULTILINE)[-1:] not in ([], ["root"])


def test_the_file_for_a_gpu_changes_only_what_there_is() -> None:
    changed = services("docker-compose.gpu.yml")
    assert set(changed) <= set(services())
    (device,) = changed["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
