/* tfbwe-wav: extend a WAV file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tfbwe.h>

#include "wav.h"

static const char USAGE[] = "usage: tfbwe-wav MODEL IN.wav OUT.wav [CUTOFF [DIFFUSE]]\n"
                            "  CUTOFF   where the received band ends, Hz (the model's default)\n"
                            "  DIFFUSE  weight of the diffuse term, 0 to 1 (1)\n";

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "tfbwe-wav: %s: %s\n", what, why);
    return 1;
}

static int number(const char *name, const char *text, float *x)
{
    char *end;
    errno = 0;
    *x = strtof(text, &end);
    if (end != text && !*end && !errno)
        return 1;
    fprintf(stderr, "tfbwe-wav: %s: expected a number, received '%s'\n", name, text);
    return 0;
}

/* Write all of the output but its latency. Returns NULL or what is wrong, in `what`. */
static const char *extend(tfbwe *decoder, wav *in, wav *out, const char **what, const char *names[2])
{
    static float samples[WAV_MAX_CHANNELS][WAV_BLOCK];
    float *channels[WAV_MAX_CHANNELS];
    const float *planes[WAV_MAX_CHANNELS];
    uint64_t late = (uint64_t)tfbwe_latency(decoder), left = in->frames;
    for (int c = 0; c < WAV_MAX_CHANNELS; c++)
        planes[c] = channels[c] = samples[c];
    while (left) {
        size_t count = wav_read(in, channels);
        if (!count) { /* the end: zeros bring out what is still in the decoder */
            memset(samples, 0, sizeof samples);
            count = WAV_BLOCK;
        }
        *what = names[0];
        tfbwe_error error = tfbwe_process(decoder, planes, channels, count);
        if (error)
            return tfbwe_error_text(error);
        size_t from = late < count ? (size_t)late : count, rest = count - from;
        if (rest > left)
            rest = (size_t)left;
        late -= from;
        left -= rest;
        *what = names[1];
        if (!wav_write(out, planes, from, rest))
            return "cannot be written";
    }
    return NULL;
}

/* Write beside the output and rename at the end, so that no half of a file is left under its name. */
static int extend_file(tfbwe *decoder, wav *in, const char *name, const char *path)
{
    const char *names[2] = {name, path}, *what = path;
    size_t length = strlen(path);
    char *part = malloc(length + 6);
    wav out;
    FILE *there = fopen(path, "rb");
    if (there)
        fclose(there);
    if (there || !part) {
        free(part);
        return fail(path, there ? "is there already" : "not enough memory");
    }
    memcpy(part, path, length);
    memcpy(part + length, ".part", 6);
    const char *wrong = wav_create(&out, part, in);
    int made = out.file != NULL;
    if (wrong)
        what = part;
    else
        wrong = extend(decoder, in, &out, &what, names);
    if (!wrong && !wav_sync(&out))
        wrong = "cannot be written";
    if (!wav_close(&out) && !wrong)
        wrong = "cannot be written";
    if (!wrong && rename(part, path))
        wrong = "cannot be given its name";
    if (!wrong && out.clipped)
        fprintf(stderr, "tfbwe-wav: %s: %llu samples were held at full scale; lower the input\n", path,
                (unsigned long long)out.clipped);
    int status = wrong ? fail(what, wrong) : 0;
    if (wrong && made)
        remove(part);
    free(part);
    return status;
}

static int with_model(const char *model, wav *in, char **argv, const float *cutoff_hz, float diffuse)
{
    tfbwe_error error;
    tfbwe *decoder = tfbwe_create_file(model, 0, &error);
    int status = 1;
    if (!decoder)
        return fail(model, tfbwe_error_text(error));
    if (tfbwe_channels(decoder) != in->channels)
        fprintf(stderr, "tfbwe-wav: %s: number of channels: expected %d, as the model %s has, received %d\n", argv[2],
                tfbwe_channels(decoder), model, in->channels);
    else if ((cutoff_hz && (error = tfbwe_set_cutoff(decoder, *cutoff_hz))) ||
             (error = tfbwe_set_diffuse(decoder, diffuse)))
        status = fail("cutoff or diffuse", tfbwe_error_text(error));
    else {
        if (!cutoff_hz)
            fprintf(stderr, "tfbwe-wav: %s: no cutoff given; the default of the model is taken, %g Hz\n", argv[2],
                    (double)tfbwe_cutoff(decoder));
        status = extend_file(decoder, in, argv[2], argv[3]);
    }
    tfbwe_destroy(decoder);
    return status;
}

int main(int argc, char **argv)
{
    float cutoff_hz, diffuse = 1;
    wav in;
    int status;
    if (argc < 4 || argc > 6) {
        fputs(USAGE, stderr);
        return 2;
    }
    if ((argc > 4 && !number("CUTOFF", argv[4], &cutoff_hz)) || (argc == 6 && !number("DIFFUSE", argv[5], &diffuse)))
        return 2;
    const char *wrong = wav_open(&in, argv[2]);
    if (!wrong && in.sample_rate != TFBWE_SAMPLE_RATE)
        wrong = "expected 44100 samples a second; resample it first";
    if (!wrong && in.missing)
        fprintf(stderr, "tfbwe-wav: %s: it ends %llu samples before its header says; the rest is extended\n", argv[2],
                (unsigned long long)in.missing);
    status = wrong ? fail(argv[2], wrong) : with_model(argv[1], &in, argv, argc > 4 ? &cutoff_hz : NULL, diffuse);
    wav_close(&in);
    return status;
}
