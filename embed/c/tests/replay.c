/* Runs what a script says, so that Python can compare the output with its own.
 *
 *     replay MODEL SCRIPT IN.f32 OUT.f32
 *
 * SCRIPT: lines of "process N", "lost N", "cutoff HZ", "diffuse X", "reset 0". IN and OUT: float32, each
 * block planar, one after the other; lost blocks have no input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tfbwe.h>

static int run(tfbwe *d, const char *verb, float x, FILE *in, FILE *out)
{
    size_t frames = (size_t)x, count, channels = (size_t)tfbwe_channels(d);
    int lost = !strcmp(verb, "lost");
    if (!strcmp(verb, "cutoff"))
        return tfbwe_set_cutoff(d, x) == TFBWE_OK;
    if (!strcmp(verb, "diffuse"))
        return tfbwe_set_diffuse(d, x) == TFBWE_OK;
    if (!strcmp(verb, "reset"))
        return tfbwe_reset(d), 1;
    if (!lost && strcmp(verb, "process"))
        return 0;
    /* Exactly as long as the block, so that a sanitizer sees a step beyond it. */
    count = frames * channels;
    float *samples = malloc(count ? count * sizeof *samples : 1), *planes[8];
    for (size_t c = 0; c < channels; c++)
        planes[c] = samples + c * frames;
    int done = (lost || fread(samples, sizeof *samples, count, in) == count) &&
               tfbwe_process(d, lost ? NULL : (const float *const *)planes, planes, frames) == TFBWE_OK &&
               fwrite(samples, sizeof *samples, count, out) == count;
    free(samples);
    return done;
}

int main(int argc, char **argv)
{
    char verb[16];
    float x;
    tfbwe_error error;
    if (argc != 5)
        return 2;
    tfbwe *d = tfbwe_create_file(argv[1], 0, &error);
    FILE *script = fopen(argv[2], "r"), *in = fopen(argv[3], "rb"), *out = fopen(argv[4], "wb");
    int fine = d && script && in && out;
    if (!fine)
        fprintf(stderr, "replay: %s\n", tfbwe_error_text(error));
    while (fine && fscanf(script, "%15s %f", verb, &x) == 2)
        if (!run(d, verb, x, in, out)) {
            fprintf(stderr, "replay: failed at %s %g\n", verb, (double)x);
            fine = 0;
        }
    if (script)
        fclose(script);
    if (in)
        fclose(in);
    if (out && fclose(out))
        fine = 0;
    tfbwe_destroy(d);
    return !fine;
}
