/* All there is to it: raw float32 stereo at 44.1 kHz, interleaved, from standard input to standard output.
 *
 *     first stft-stereo.tflite 8000 < received.f32 > extended.f32
 *
 * The output is tfbwe_latency() frames late, and as long as the input. */
#include <stdio.h>
#include <stdlib.h>
#include <tfbwe.h>

enum { CHANNELS = 2, FRAMES = 512 };

int main(int argc, char **argv)
{
    static float left[FRAMES], right[FRAMES], frames[FRAMES][CHANNELS];
    float *channels[CHANNELS] = {left, right};
    const float *const received[CHANNELS] = {left, right};
    size_t count;

    if (argc != 3) {
        fprintf(stderr, "usage: first MODEL CUTOFF_HZ\n");
        return 2;
    }
    tfbwe_error error;
    tfbwe *decoder = tfbwe_create_file(argv[1], CHANNELS, &error);
    if (decoder)
        error = tfbwe_set_cutoff(decoder, strtof(argv[2], NULL));
    while (!error && (count = fread(frames, sizeof *frames, FRAMES, stdin)) > 0) {
        for (size_t i = 0; i < count; i++) {
            left[i] = frames[i][0];
            right[i] = frames[i][1];
        }
        error = tfbwe_process(decoder, received, channels, count); /* in place */
        for (size_t i = 0; i < count; i++) {
            frames[i][0] = left[i];
            frames[i][1] = right[i];
        }
        fwrite(frames, sizeof *frames, count, stdout);
    }
    if (error)
        fprintf(stderr, "first: %s\n", tfbwe_error_text(error));
    tfbwe_destroy(decoder);
    return error != TFBWE_OK;
}
