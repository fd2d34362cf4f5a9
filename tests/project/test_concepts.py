"""Each concept has one table, and every other place that a new entry needs is there: see CONTRIBUTING.md."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
import soundfile

from tests.helpers.ffmpeg import needing_ffmpeg
from tests.helpers.paths import CLIP, ROOT
from tests.helpers.sound_files import noise, read
from tfbwe.audio.formats import CONTAINERS, FFMPEG, LOSSY, WRITTEN, output_format
from tfbwe.audio.tags import Tags, read_tags
from tfbwe.audio.writer import Writer
from tfbwe.decoder import Decoder
from tfbwe.errors import AudioError
from tfbwe.extension import EXTENSIONS, Extension
from tfbwe.measures import MEASURES
from tfbwe.measures.distances import compare
from tfbwe.model.bundle import shipped
from tfbwe.phase import PHASES
from tfbwe.phase.mirror import MEMORYLESS
from tfbwe.stft import SAMPLE_RATE
from tfbwe.transform import TRANSFORMS

pytest.importorskip("scipy")

from training.comparison.report import COLUMNS
from training.degradation.codecs import CODECS, Codec
from training.degradation.conditions import CONDITIONS, REGIMES
from training.degradation.degrade import STAGES, Gain, Mix
from training.degradation.drawing import DRAWING, draw
from training.degradation.filters import FAMILIES, Lowpass
from training.degradation.rounding import DITHERS, Rounding
from training.degradation.words import WORDS

SCORES = {"visqol"}
"""Measured by `training.comparison.scoring`, not by `compare`."""
EXAMPLES = {
    "Gain": (-6.0,),
    "Mix": ((0.5, -0.2),),
    "LowCut": (300.0,),
    "Rounding": (12,),
    "Lowpass": ("brickwall", 8000.0),
    "Codec": ("mp3", 0.4),
}


def test_every_transform_has_its_extension():
    assert set(EXTENSIONS) == set(TRANSFORMS)
    for name, extension in EXTENSIONS.items():
        assert issubclass(extension, Extension)
        assert extension.latency > 0
        assert TRANSFORMS[name].name == TRANSFORMS[name].parameters["kind"] == name


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_comes_back_unaltered(name):
    x = noise(2, 50000)
    transform = TRANSFORMS[name]

    def alter(spectrum, phasors):
        assert spectrum.shape[0] == 2
        assert spectrum.shape[2] == len(transform.frequencies)
        for phase in MEMORYLESS:
            made = phasors(phase, 8000.0, 1)
            assert made.shape == (1, *spectrum.shape[1:])
            np.testing.assert_allclose(np.abs(made), 1, atol=1e-4)
        return spectrum

    np.testing.assert_allclose(transform.altered(x, alter), x, atol=1e-5)
    assert (np.diff(transform.frequencies) > 0).all()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_can_be_trained(name):
    pytest.importorskip("keras")
    from training.learning.presets import PRESETS
    from training.learning.transforms import SPECTRA

    assert set(SPECTRA) == set(TRANSFORMS)
    for preset in ("default", "paper", "smoke"):
        config = PRESETS[name, preset]
        spectra = SPECTRA[name](config.network.bins)
        real, _ = spectra(np.zeros((1, config.crop_samples), np.float32))
        assert real.shape[1:] == (config.network.frames or config.crop_frames, config.network.bins)
        np.testing.assert_allclose(
            spectra.frequencies, TRANSFORMS[name].frequencies[: config.network.bins], rtol=1e-6
        )


def test_every_phase_belongs_to_a_transform_and_every_transform_has_known_ones():
    assert {phase for transform in TRANSFORMS.values() for phase in transform.phases} == set(PHASES)
    for transform in TRANSFORMS.values():
        assert set(MEMORYLESS) <= set(transform.phases)


@pytest.mark.parametrize("model", shipped())
def test_every_phase_of_a_model_gives_an_output_of_its_own(model):
    x = soundfile.read(CLIP, dtype="float32", always_2d=True, frames=2 * SAMPLE_RATE)[0].T.copy()
    outputs = {}
    for phase in TRANSFORMS[model].phases:
        decoder = Decoder(model, len(x), 8000.0, phase=phase)
        outputs[phase] = np.concatenate([decoder.process(x), decoder.flush()], axis=1)
        assert np.isfinite(outputs[phase]).all()
    for one, other in itertools.combinations(outputs.values(), 2):
        assert np.abs(one - other).max() > 1e-3


def test_every_measure_is_computed_reported_and_described():
    x, y = noise(seed=1), noise(seed=2)
    found = compare(x, y, 44100, 8000.0)
    assert [*found, *SCORES] == list(MEASURES)
    assert all(value is not None for value in found.values())
    schema = json.loads((ROOT / "training" / "comparison" / "report_schema.json").read_text())
    assert list(schema["$defs"]["measures"]["properties"]) == list(MEASURES)
    assert set(MEASURES) <= set(COLUMNS)
    for name, measure in MEASURES.items():
        assert measure.name == name
        assert measure.heading
        assert (name.endswith("_db")) == (measure.unit == "dB")


def test_every_stage_is_frozen_keeps_the_shape_and_is_drawn():
    x = noise(2, 9000)
    assert set(EXAMPLES) == {stage.__name__ for stage in STAGES}
    for stage in STAGES:
        made = stage(*EXAMPLES[stage.__name__])
        y = made.apply(x, 44100)
        assert y.shape == (x[:1] if stage is Mix else x).shape
        assert y.dtype == np.float32
        assert not np.array_equal(y, x)
        with pytest.raises(dataclasses.FrozenInstanceError):
            made.other = 0
    rng = np.random.default_rng(0)
    drawn = {type(stage) for _ in range(200) for stage in draw(rng, 20000)}
    assert drawn == set(STAGES)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_filter_works_and_is_drawn(family):
    own = FAMILIES[family]
    Lowpass(family, 8000.0, 6 if own.recursive else 0).apply(noise(1, 5000), 44100)
    drawn = dict(DRAWING.sharp_families), {name for name, *_ in DRAWING.gentle_filters}
    assert own.recursive == (family in drawn[1])
    assert (family in drawn[0]) == (not own.gentle)


def test_every_codec_and_every_dither_is_drawn():
    assert set(dict(DRAWING.codecs)) == set(CODECS)
    rng = np.random.default_rng(0)
    drawn = [stage for _ in range(1000) for stage in draw(rng, 20000)]
    names = {stage.name for stage in drawn if isinstance(stage, Codec)}
    assert names == {name for name, form in CODECS.items() if form.found}
    assert {stage.dither for stage in drawn if isinstance(stage, Rounding)} == set(DITHERS)


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_every_condition_names_its_regime_and_is_made_of_stages(condition):
    assert condition.regime in REGIMES
    assert condition.degradation
    assert all(isinstance(stage, STAGES) for stage in condition.degradation)
    assert not any(isinstance(stage, Gain) for stage in condition.degradation)
    assert isinstance(condition.degradation[-1], Rounding) or condition.name.endswith("float")


def test_every_condition_has_words_of_its_own():
    assert list(WORDS) == [condition.name for condition in CONDITIONS]
    assert len(set(WORDS.values())) == len(WORDS)


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(suffix, marks=needing_ffmpeg if CONTAINERS[name].written_by == FFMPEG else ())
        for suffix, name in sorted(WRITTEN.items())
    ],
)
def test_every_container_is_written_and_read_and_keeps_its_title(tmp_path, suffix):
    container, subtype = output_format("WAV", "PCM_16", f"x{suffix}")
    assert container in CONTAINERS
    path = tmp_path / f"x{suffix}"
    x = noise(2, 48000)
    with Writer(path, 48000, 2, container=container, subtype=subtype, tags=Tags.of({"title": "Ü"})) as writer:
        writer.write(x)
    y = read(path)
    assert read_tags(path).text.get("title") == (None if CONTAINERS[container].tags == "none" else "Ü")
    padded = subtype in LOSSY and container != "OGG"
    assert abs(y.shape[1] - x.shape[1]) <= (2400 if padded else 0)
    if container in ("WAV", "RF64", "AIFF", "AU", "W64", "FLAC"):  # their headers state a length
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(AudioError):
            read(path)


@pytest.mark.parametrize("model", shipped())
def test_every_shipped_model_has_its_description_and_the_network_that_it_was_quantised_from(model):
    assert shipped()[model].with_suffix(".json").is_file()
    for name in ("best.keras", "config.json", f"{model}-float32.tflite"):
        assert (ROOT / "networks" / model / name).is_file()
    assert model in TRANSFORMS
