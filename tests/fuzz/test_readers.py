"""Files and texts that come in: read, or refused in wsmon's own words; never anything else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.cases import NASTY, fuzzed, scalars, texts, values
from wsmon.adapters import workfile
from wsmon.adapters.folder import FolderCatalog
from wsmon.domain.errors import InvalidInput, SettingsError
from wsmon.domain.spec import check_document
from wsmon.settings import Settings, load_settings

KEYS = ("dy-r", "dy_r", "day-clone", "export_uri", "priority", "budget", "notes", "cluster_name", "estimated_cost")
SENTINELS = tuple(workfile.PRECEDENCE)


@contextlib.contextmanager
def refusing(kind: type[Exception]) -> Iterator[None]:
    """A refusal in our own words is an answer too."""
    with contextlib.suppress(kind):
        yield


def yaml_of(document: object) -> bytes:
    return yaml.safe_dump(document, allow_unicode=True).encode("utf-8", errors="surrogatepass")


@fuzzed
@given(st.one_of(st.binary(max_size=400), st.dictionaries(st.sampled_from(KEYS), values, max_size=4).map(yaml_of)))
def test_a_work_file(text: bytes) -> None:
    with refusing(InvalidInput):
        found = workfile.parse_work(text)
        assert found["run_args"]
        check_document("metadata", found)


@fuzzed
@given(
    st.sampled_from(
        [
            "!!bool {}",
            "!!int '{}'",
            "!!timestamp {}",
            "&a {{b: *a, c: {}}}",
            "!!float {}",
            "!!binary {}",
            "? {}",
            "!!set {{{}}}",
        ]
    ),
    texts,
)
def test_a_tag_on_a_value_that_it_does_not_fit(form: str, text: str) -> None:
    with refusing(InvalidInput):
        workfile.parse_work(("dy-r: " + form.format(text)).encode("utf-8", errors="surrogatepass"))


@fuzzed
@given(st.one_of(texts, st.text("0123456789TZ:-+. \t", max_size=40)))
def test_a_sentinels_body(body: str) -> None:
    assert isinstance(workfile.sentinel_time(body, 7), int)


@fuzzed
@given(st.binary(max_size=300))
def test_a_sample_table(text: bytes) -> None:
    with refusing(InvalidInput):
        assert workfile.sample_count(text) >= 0


@fuzzed
@given(
    st.dictionaries(st.sampled_from(SENTINELS), st.binary(max_size=30)), st.binary(max_size=80), st.binary(max_size=80)
)
def test_a_folder(
    tmp_path_factory: pytest.TempPathFactory, sentinels: dict[str, bytes], work: bytes, samples: bytes
) -> None:
    folder = tmp_path_factory.mktemp("f")
    for word, body in sentinels.items():
        (folder / f"daylily.{word}").write_bytes(body)
    (folder / "daylily_work.yaml").write_bytes(work)
    (folder / "stage_samples.tsv").write_bytes(samples)
    entries = list(FolderCatalog(folder).scan())
    assert len(entries) == bool(sentinels)


def toml_value(value: object) -> str:
    """A value as TOML, which JSON nearly is; what TOML does not know stays as JSON and must be refused."""
    return json.dumps(value)


SECTIONS = {
    name: list(field.annotation.model_fields)  # type: ignore[union-attr]
    for name, field in Settings.model_fields.items()
    if hasattr(field.annotation, "model_fields")
}
section_names = st.sampled_from([*SECTIONS, "channels", "nonsense"])


@st.composite
def settings_text(draw: Any) -> str:
    """Tables with known and unknown names and any values."""
    lines = []
    for section in draw(st.lists(section_names, max_size=3, unique=True)):
        lines.append(f"[{section}]")
        names = st.sampled_from([*SECTIONS.get(section, []), "x"])
        for name in draw(st.lists(names, max_size=4, unique=True)):
            lines.append(f"{name} = {toml_value(draw(values))}")  # noqa: PERF401  drawn one after the other
    return "\n".join(lines)


@fuzzed
@given(st.one_of(settings_text(), st.text(max_size=60)), st.dictionaries(section_names, scalars, max_size=2))
def test_settings(tmp_path_factory: pytest.TempPathFactory, text: str, flags: dict[str, object]) -> None:
    path = Path(tmp_path_factory.mktemp("s")) / "wsmon.toml"
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    given_flags = {f"{section}.{(SECTIONS.get(section) or ['x'])[0]}": value for section, value in flags.items()}
    with refusing(SettingsError):
        loaded = load_settings(path, given_flags)
        for _, value, source in loaded.values():
            assert source
            json.dumps(value)


@pytest.mark.parametrize("text", ['store = "sqlite:x"', "monitor = 3", "x = " + "[" * 3000, "x = " + "9" * 5000])
def test_settings_of_a_wrong_shape(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wsmon.toml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_settings(path, {"store.url": "sqlite:y", "monitor.poll_seconds": 1.0})


@pytest.mark.parametrize(
    "name", ["monitor.poll_seconds", "monitor.lease_seconds", "retry.base_seconds", "tui.refresh_seconds"]
)
@pytest.mark.parametrize("number", [float("inf"), float("nan"), 1e14, -1.0])
def test_numbers_have_bounds(name: str, number: float) -> None:
    with pytest.raises(SettingsError, match=name.partition(".")[2]):
        load_settings(None, {name: number})


@pytest.mark.parametrize("text", [nasty for nasty in NASTY if "\0" not in nasty])
def test_a_nasty_text_in_a_work_file_is_kept_or_refused(text: str) -> None:
    with refusing(InvalidInput):
        found = workfile.parse_work(yaml_of({"dy-r": text}))
        assert found["run_args"] == text.strip()
