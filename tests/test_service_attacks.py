"""All attacks on the service at full size; their figures are in docs/SERVICE.md."""

import pytest

pytest.importorskip("fastapi", reason="this needs the extra `serve`")
pytest.importorskip("prometheus_client", reason="this needs the extra `serve`")

from scripts.serving import served
from tests.attacking import attack_all
from tests.tiny_bundle import write_bundle


@pytest.mark.slow
def test_attacks_are_refused_in_bounded_time_and_memory_and_the_service_goes_on(tmp_path):
    with served("--model", str(write_bundle(tmp_path / "tiny")), "--workers", "2") as service:
        for found in attack_all(service):
            assert found.seconds < 120, found
            assert found.answering_mib < 256, found
            assert found.hearing_mib < 1024 + 256, found
            assert "still open" not in found.answers, found
            assert found.honest_s < 5, found
            assert "500" not in found.answers, found
        assert "Traceback" not in service.log.read_text(encoding="utf-8")
        assert list(service.folder.iterdir()) == []
