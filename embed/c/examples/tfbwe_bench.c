/* tfbwe-bench: what a decoder costs on this machine, as one line of JSON. */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tfbwe.h>
#include <time.h>

enum { HOP = 512, LONG_BLOCK = 4096, MUSIC = 54 * LONG_BLOCK, TIMES = 6, MAX_CHANNELS = 8 }; /* 5 s of music, 6 times */

/* Of the TFLite C API, which the library is linked with. */
const char *TfLiteVersion(void);

static double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Notes that decay over a little noise. */
static void make_music(float *x, size_t samples, int channel)
{
    unsigned seed = 1 + (unsigned)channel;
    for (size_t i = 0; i < samples; i++) {
        double t = (double)i / TFBWE_SAMPLE_RATE, in_note = fmod(t, 0.5), hz = 110 * (1 + floor(fmod(2 * t, 7)));
        double y = 0;
        for (int partial = 1; partial * hz < 8000; partial++)
            y += sin(6.283185307179586 * hz * partial * t) / partial;
        seed = 1664525u * seed + 1013904223u;
        x[i] = (float)(0.2 * y * exp(-6 * in_note) + 0.002 * ((double)(seed >> 8) / (1 << 24) - 0.5));
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/*
 * Run over the music, again and again, in blocks; the time of each call goes into `call_s`, if not NULL. Returns
 * processor time, or -1.
 */
static double run(tfbwe *decoder, float **music, size_t samples, size_t block, double *call_s)
{
    static float out[MAX_CHANNELS][LONG_BLOCK];
    int channels = tfbwe_channels(decoder);
    tfbwe_reset(decoder);
    double before = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t at = 0; at + block <= samples; at += block) {
        const float *from[MAX_CHANNELS];
        float *to[MAX_CHANNELS];
        for (int c = 0; c < channels; c++) {
            from[c] = music[c] + at % MUSIC;
            to[c] = out[c];
        }
        double start = clock_s(CLOCK_MONOTONIC);
        if (tfbwe_process(decoder, from, to, block))
            return -1;
        if (call_s)
            call_s[at / block] = clock_s(CLOCK_MONOTONIC) - start;
    }
    return clock_s(CLOCK_PROCESS_CPUTIME_ID) - before;
}

/* Most memory that the process has held, MB of 2^20 bytes, as JSON: null where the system does not say. */
static void print_memory(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    double kilobytes = 0;
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6))
            kilobytes = strtod(line + 6, NULL);
    if (status)
        fclose(status);
    if (kilobytes > 0)
        printf("%.1f", kilobytes / 1024);
    else
        printf("null");
}

int main(int argc, char **argv)
{
    const size_t samples = (size_t)MUSIC * TIMES, hops = samples / HOP;
    const double seconds = (double)samples / TFBWE_SAMPLE_RATE;
    float *music[MAX_CHANNELS] = {NULL};
    double *call_s = malloc(hops * sizeof *call_s);
    tfbwe_error error;
    if (argc != 2) {
        fputs("usage: tfbwe-bench MODEL\n", stderr);
        return 2;
    }
    tfbwe *decoder = tfbwe_create_file(argv[1], 0, &error);
    if (!decoder) {
        fprintf(stderr, "tfbwe-bench: %s: %s\n", argv[1], tfbwe_error_text(error));
        return 1;
    }
    int channels = tfbwe_channels(decoder), ready = call_s && !tfbwe_set_cutoff(decoder, 8000);
    for (int c = 0; c < channels && ready; c++) {
        music[c] = malloc(MUSIC * sizeof **music);
        if (music[c])
            make_music(music[c], MUSIC, c);
        else
            ready = 0;
    }
    double warm = ready ? run(decoder, music, MUSIC, HOP, NULL) : -1;
    double by_hops = warm < 0 ? -1 : run(decoder, music, samples, HOP, call_s);
    double by_blocks = by_hops < 0 ? -1 : run(decoder, music, samples, LONG_BLOCK, NULL);
    if (by_blocks < 0) {
        fprintf(stderr, "tfbwe-bench: %s: no memory, or TFLite failed\n", argv[1]);
    } else {
        qsort(call_s, hops, sizeof *call_s, by_size);
        printf("{\"runtime\": \"C, TFLite %s\", \"channels\": %d, ", TfLiteVersion(), channels);
        printf("\"hop_ms\": %.4f, \"hop_ms_p99\": %.4f, ", 1e3 * call_s[hops / 2],
               1e3 * call_s[hops - hops / 100 - 1]);
        printf("\"hop_rtf\": %.5f, \"rtf\": %.5f, \"peak_rss_mb\": ", by_hops / seconds, by_blocks / seconds);
        print_memory();
        puts("}");
    }
    for (int c = 0; c < MAX_CHANNELS; c++)
        free(music[c]);
    free(call_s);
    tfbwe_destroy(decoder);
    return by_blocks < 0;
}
