"""The container files are consistent with the code and with each other."""

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
    services_by_name: dict[str, Any] = yaml.safe_load(read(name))["services"]
    return services_by_name


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.gpu.yml", ".env.example"])
def test_container_files_use_known_settings_only(name: str) -> None:
    """Settings are looked up in the reference, which another test compares with the code."""
    assert set(SETTING.findall(read(name))) <= set(SETTING.findall(read("docs/reference/settings.md")))


def test_env_example_lists_exactly_the_compose_variables() -> None:
    variables = set(re.findall(r"\$\{(\w+)", read("docker-compose.yml")))
    assert variables == set(re.findall(r"^(?:# )?(\w+)=", read(".env.example"), re.MULTILINE))


def test_encoder_variable_sets_the_encoder_of_every_service() -> None:
    encoders = {
        name: service.get("environment", {}).get("XMETRA_ENCODER") for name, service in services().items()
    }
    assert encoders["api"] == encoders["first-base"] == "${ENCODER:-embedded}"
    assert re.findall(r"^ENCODER=(.*)$", read(".env.example"), re.MULTILINE) == ["embedded"]


def test_api_and_worker_share_store_queue_and_weights() -> None:
    api, worker = services()["api"], services()["worker"]
    assert api["volumes"] == worker["volumes"] == ["store:/data", "weights:/weights"]
    for name in ("XMETRA_STORE_URL", "XMETRA_REDIS_URL"):
        assert api["environment"][name] == worker["environment"][name]
    assert "HF_HOME=/weights" in read("Dockerfile")


def test_scalable_services_have_no_fixed_port_or_name() -> None:
    for name in ("api", "worker"):
        assert not {"ports", "container_name", "hostname"} & set(services()[name])
    assert services()["gateway"]["ports"] == ["${PUBLISH:-127.0.0.1:8000}:8000"]


def test_gateway_uses_the_name_and_port_of_the_api() -> None:
    assert f"api:{services()['api']['environment']['XMETRA_PORT']} check" in read("deploy/haproxy.cfg")


def test_redis_persists_the_queue_and_never_evicts_it() -> None:
    command = " ".join(services()["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_permanent_services_restart_and_have_a_health_check() -> None:
    permanent = {name: service for name, service in services().items() if name != "first-base"}
    assert {service["restart"] for service in permanent.values()} == {"unless-stopped"}
    assert all("healthcheck" in service for service in permanent.values())
    *_, module = services()["worker"]["healthcheck"]["test"]
    assert find_spec(module) is not None


def test_no_image_runs_as_root() -> None:
    stages = {
        stage.split()[2]: stage for stage in re.split(r"^FROM ", read("Dockerfile"), flags=re.MULTILINE)[1:]
    }
    targets = {service["build"]["target"] for service in services().values() if "build" in service}
    for name in targets:
        assert re.findall(r"^USER (\w+)", stages[name], re.MULTILINE)[-1:] not in ([], ["root"])


def test_gpu_override_changes_existing_services_only() -> None:
    overrides = services("docker-compose.gpu.yml")
    assert set(overrides) <= set(services())
    (device,) = overrides["worker"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
