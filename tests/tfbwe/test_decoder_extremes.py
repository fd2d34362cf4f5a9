"""What a decoder that restores is given, and should rather not be."""

import numpy as np
import pytest

from tests.helpers.decoding import CUTOFF_HZ
from tests.helpers.restoring import gentle, music
from tests.tfbwe.test_decoder_restoring import ORIGINAL, SHIPPED, float32
from tfbwe.cqt import BLOCK_LENGTH
from tfbwe.decoder import Decoder
from tfbwe.errors import ConfigError
from tfbwe.restoration.statistics import LongTerm


@pytest.mark.parametrize(
    "known", [np.zeros((4, 154), np.float32), np.full((4, 155), np.nan, np.float32), np.zeros((4, 155), int)]
)
def test_statistics_that_are_none_are_refused(known):
    with pytest.raises(ConfigError, match="known: expected finite statistics"):
        Decoder("stft", 1, CUTOFF_HZ, known=known)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("peak", [1e9, 3e38])
def test_a_sample_beyond_all_sense_leaves_no_nan_behind(name, peak):
    x = float32(gentle(music(2.0)))
    x[0, 30000] = peak
    long_term = LongTerm()
    long_term.update(x)
    long_term.end()
    decoder = Decoder(SHIPPED[name], 1, CUTOFF_HZ, known=long_term.moments)
    y = np.concatenate([decoder.process(x), decoder.flush()], axis=1)
    assert np.isfinite(y).all()


def test_frames_of_lost_input_say_nothing_of_the_music_to_the_cqt_either():
    x = float32(gentle(ORIGINAL))
    decoder = Decoder("cqt", 1, CUTOFF_HZ)
    decoder.process(x[:, :BLOCK_LENGTH])
    before = decoder._extension._restoring._count
    decoder.process(None, BLOCK_LENGTH)
    after = decoder._extension._restoring._count
    decoder.process(x[:, : 2 * BLOCK_LENGTH])
    assert after - before == (BLOCK_LENGTH // 4) // 512  # those that were received, and not in a block yet
