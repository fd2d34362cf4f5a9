/* WAV files of PCM 16, 24 and 32 bits and float32, read and written block by block. */
#ifndef TFBWE_EXAMPLES_WAV_H
#define TFBWE_EXAMPLES_WAV_H

#include <stdint.h>
#include <stdio.h>

enum { WAV_MAX_CHANNELS = 8, WAV_BLOCK = 512 };

typedef struct {
    FILE *file;
    int channels, bits, is_float;
    uint32_t sample_rate;
    uint64_t frames;  /* in all */
    uint64_t left;    /* not read yet */
    uint64_t missing; /* told by the header, but not there */
    uint64_t clipped; /* samples written beyond full scale */
} wav;

/* Open a file for reading. Returns NULL, or what is wrong with it; close it in any case. */
const char *wav_open(wav *w, const char *path);

/* Read up to WAV_BLOCK frames; returns how many, 0 at the end. */
size_t wav_read(wav *w, float *const *channels);

/* Make a file of the form and length of another. `path` must not exist. Returns NULL or what is wrong. */
const char *wav_create(wav *w, const char *path, const wav *like);

/* Write up to WAV_BLOCK frames; 0 if that failed. Integer samples are rounded, and held at full scale. */
int wav_write(wav *w, const float *const *channels, size_t from, size_t frames);

/* Bring all that was written onto the disk, where the system has a call for it; 0 if that failed. */
int wav_sync(wav *w);

/* Close; 0 if what was written did not arrive. */
int wav_close(wav *w);

#endif
