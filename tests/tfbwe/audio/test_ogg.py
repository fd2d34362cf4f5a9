"""Ogg: streams that follow each other, begin anywhere or share a file, and pages that are missing."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.damaged import RATE, coded, decoded, save
from tfbwe.audio import ogg
from tfbwe.audio.lengths import Window

KINDS = ("vorbis", "opus")


def pages(data):
    return list(ogg._pages(Window(io.BytesIO(data))))


def packed(found):
    return b"".join(ogg._packed(page) for page in found)


def lost(damage):
    return float(damage.split()[1])


@pytest.mark.parametrize("kind", KINDS)
def test_pages_come_back_byte_for_byte(kind):
    data = coded(kind, 3.0)
    assert packed(pages(data)) == data


@pytest.mark.parametrize("kind", KINDS)
def test_streams_behind_each_other_are_read_as_one(tmp_path, kind):
    one, two = coded(kind, 3.0), coded(kind, 2.0)
    x, y = (decoded(save(tmp_path, kind, data))[0] for data in (one, two))
    z, damage = decoded(save(tmp_path, kind, one + two), strict=True)
    assert damage == ""
    np.testing.assert_array_equal(z, np.concatenate([x, y], axis=1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_stream_of_another_kind_is_told(tmp_path, kind):
    one, two = coded(kind, 3.0), coded(kind, 2.0, channels=1)
    x, damage = decoded(save(tmp_path, kind, one + two))
    assert damage == "damaged: 2.0 s of 5.0 s could not be decoded and are left out"
    np.testing.assert_array_equal(x, decoded(save(tmp_path, kind, one))[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_may_begin_at_any_granule_position_and_right_behind_its_headers(tmp_path, kind):
    found = pages(coded(kind, 5.0))
    heads = sum(page.granule == 0 for page in found)
    later = [replace(page, granule=page.granule + 10**7 * (n >= heads)) for n, page in enumerate(found)]
    x, damage = decoded(save(tmp_path, kind, packed(later)), strict=True)
    assert damage == ""
    assert abs(x.shape[1] - 5 * RATE) < 2000
    joined = found[:heads] + [page for page in found[heads + 1 :] if not page.flags & 1]
    if joined[heads].sequence == heads + 1:
        assert decoded(save(tmp_path, kind, packed(joined)))[1] == ""


@pytest.mark.parametrize("kind", KINDS)
def test_another_track_in_the_file_is_no_damage(tmp_path, kind):
    found = pages(coded(kind, 4.0))
    other = ogg._Page(2, 0, 77, 0, b"\x06", b"fishea")
    more = [replace(other, flags=0, sequence=n + 1) for n in range(len(found))]
    mixed = [found[0], other, *(page for pair in zip(found[1:], more[1:], strict=False) for page in pair)]
    x, _ = decoded(save(tmp_path, kind, packed(found)))
    y, damage = decoded(save(tmp_path, kind, packed(mixed)), strict=True)
    assert damage == ""
    np.testing.assert_array_equal(x, y)
    assert decoded(save(tmp_path, kind, packed(mixed[:-4] + mixed[-2:])))[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_page_that_is_missing_or_spoilt_is_told_in_seconds(tmp_path, kind, number):
    found = pages(coded(kind, 8.0))
    heads = sum(page.granule == 0 for page in found)
    place = heads + 1 + number
    x, _ = decoded(save(tmp_path, kind, packed(found)))
    spoilt = bytearray(packed(found))
    spoilt[len(packed(found[:place])) + 100] ^= 1
    for data in (packed(found[:place] + found[place + 1 :]), bytes(spoilt)):
        y, damage = decoded(save(tmp_path, kind, data))
        assert lost(damage) == pytest.approx((x.shape[1] - y.shape[1]) / RATE, abs=0.06)
        assert lost(damage) > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_pages_that_come_twice_are_taken_once(tmp_path, kind):
    found = pages(coded(kind, 8.0))
    x, _ = decoded(save(tmp_path, kind, packed(found)))
    y, damage = decoded(save(tmp_path, kind, packed(found[:6] + found[4:-1])))
    assert "end is missing" in damage
    n = y.shape[1]
    assert n > 5 * RATE
    np.testing.assert_allclose(y, x[:, :n], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_whose_headers_are_missing_is_told(tmp_path, kind):
    one, two = coded(kind, 3.0), pages(coded(kind, 2.0))
    _, damage = decoded(save(tmp_path, kind, one + packed(two[2:])))
    assert damage.startswith("damaged: ")


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_behind_the_end_of_a_stream_is_not_missed(tmp_path, kind):
    found = pages(coded(kind, 4.0))
    early = [*found[:-3], replace(found[-3], flags=found[-3].flags | 4), *found[-2:]]
    assert decoded(save(tmp_path, kind, packed(early)), strict=True)[1] == ""
