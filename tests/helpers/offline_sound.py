"""Sounds through the page's player without a loudspeaker: what is heard can be counted sample by sample."""

from __future__ import annotations

import itertools

NOISE = "(i) => Math.sin(i * i * 0.37) / 2"
RENDERED = """
(async () => {{
  const context = new OfflineAudioContext(1, 44100, 44100);
  const sounds = {sounds}.map((value) => {{
    const buffer = context.createBuffer(1, 44100, 44100);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < 44100; i += 1) samples[i] = value(i);
    return buffer;
  }});
  const music = {{ samples: 44100, rate: 44100, gains: {gains} }};
  const where = {{ when: 0.1, offset: {offset}, first: {first}, last: {last} }};
  const take = new Take(context, {{ ...music, ...where }}).connect(context.destination);
  sounds.slice(0, {there}).forEach((sound, i) => take.add(i, sound, i === 0));
  {then}
  return [...(await context.startRendering()).getChannelData(0)];
}})()
"""


def rendered(tab, sounds, then="", offset=0, first=0, last=44100, there=None, gains=(1, 1)):
    """One second at 44.1 kHz of a take that begins after 0.1 s.

    `sounds` are JavaScript functions of the sample's number, a version each, of which the first `there` play
    from the beginning; `then` is what happens to the take, `gains` those of the versions.
    """
    made = f"[{', '.join(sounds)}]"
    there = len(sounds) if there is None else there
    return tab.run(
        RENDERED.format(
            sounds=made, then=then, offset=offset, first=first, last=last, there=there, gains=list(gains)
        )
    )


def steps(samples):
    """Distances between samples that follow each other."""
    return [abs(after - before) for before, after in itertools.pairwise(samples)]
