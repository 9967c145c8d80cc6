"""Keys lie where they outlive whoever made them."""

from pathlib import Path

import pytest

from shared.errors import UserError
from shared.keys.opening import open_keyring
from shared.keys.settings import KmsSettings
from tests.emulators.kms import KEK


@pytest.mark.parametrize("variable", ["K_SERVICE", "CLOUD_RUN_JOB"])
@pytest.mark.parametrize("kek", [None, KEK])
def test_no_key_is_made_on_an_instance_of_cloud_run(
    variable: str, kek: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document whose key goes with the instance is erased, and nobody asked for that."""
    monkeypatch.setenv(variable, "docledger-ingest")
    with pytest.raises(UserError, match="DOCLEDGER_KMS_KEYS_BUCKET is not set"):
        open_keyring(tmp_path / "keys", settings=KmsSettings(kek=kek))
    assert not (tmp_path / "keys").exists()
