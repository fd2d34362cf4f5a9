/*
 * tfbwe: puts the high band back into band-limited music. The receiver's side in C.
 *
 * It runs a model file whose graph goes from wave to wave (`stft-mono.tflite`, `stft-stereo.tflite`) on any
 * library with the TensorFlow Lite C API. Samples are float, nominally in [-1, 1], at 44.1 kHz; resample
 * anything else before and after.
 *
 *     tfbwe_error error;
 *     tfbwe *decoder = tfbwe_create_file("stft-stereo.tflite", 2, &error);
 *     if (!decoder) { fprintf(stderr, "%s\n", tfbwe_error_text(error)); return 1; }
 *     tfbwe_set_cutoff(decoder, 8000);
 *     tfbwe_process(decoder, in, out, frames);      // again and again
 *     tfbwe_destroy(decoder);
 *
 * Threads: nothing is shared between decoders, so each may run in a thread of its own; the calls for one
 * decoder must not overlap. After creation tfbwe itself allocates nothing, takes no lock and makes no system
 * call. The TFLite library itself takes scratch memory from malloc while it runs a hop: TFLite 2.17.1 does so
 * 15 (mono) or 20 times (stereo), and gives it back.
 */
#ifndef TFBWE_H
#define TFBWE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A decoder of one stream. */
typedef struct tfbwe tfbwe;

/* Samples per second of all input and output. */
#define TFBWE_SAMPLE_RATE 44100

/* What went wrong; tfbwe_error_text() has it in words. */
typedef enum tfbwe_error {
    TFBWE_OK = 0,
    TFBWE_ERROR_ARGUMENT = 1, /* a null pointer, or a setting outside its range */
    TFBWE_ERROR_MEMORY = 2,   /* no memory */
    TFBWE_ERROR_FILE = 3,     /* the file cannot be read, or is larger than 64 MiB */
    TFBWE_ERROR_FOREIGN = 4,  /* no manifest at the end: no model of tfbwe, or cut */
    TFBWE_ERROR_DAMAGED = 5,  /* the bytes are not those that the manifest describes */
    TFBWE_ERROR_VERSION = 6,  /* made for a newer version of this library */
    TFBWE_ERROR_KIND = 7,     /* a model of tfbwe, but no graph from wave to wave at 44.1 kHz */
    TFBWE_ERROR_CHANNELS = 8, /* the graph was made for another number of channels */
    TFBWE_ERROR_GRAPH = 9,    /* TFLite refuses the graph, or its tensors are not the manifest's */
    TFBWE_ERROR_SAMPLES = 10, /* a sample is NaN or infinite */
    TFBWE_ERROR_RUN = 11      /* TFLite failed on a hop */
} tfbwe_error;

/* One line of English for an error; static text, for any value. */
const char *tfbwe_error_text(tfbwe_error error);

/*
 * Make a decoder of a model file.
 *
 * channels: as many as the model was made for, or 0 for whatever that is.
 * error: if not NULL, receives TFBWE_OK or why there is none.
 *
 * Every byte of the file is checked against the hash in its manifest. That finds damage, not malice: a
 * hostile file can have a right hash and crash TFLite, so take models only from where you take code.
 *
 * Returns the decoder, or NULL. Where the received band ends is the model's guess, 11025 Hz for the shipped ones,
 * before tfbwe_set_cutoff() says better; the weight of the diffuse term is 1.
 */
tfbwe *tfbwe_create_file(const char *path, int channels, tfbwe_error *error);

/* The same of a model in memory; the bytes are copied. */
tfbwe *tfbwe_create_memory(const void *data, size_t size, int channels, tfbwe_error *error);

/* Number of channels, 1 to 8. */
int tfbwe_channels(const tfbwe *decoder);

/* Samples by which the output comes later than the input: 2048 (46 ms). Feed as many zeros to get the end. */
int tfbwe_latency(const tfbwe *decoder);

/*
 * Take in a block and give out one of the same length, tfbwe_latency() samples late: the received samples,
 * unchanged, plus the high band.
 *
 * in: a pointer to `frames` samples for each channel; or NULL if they were lost. Lost samples count as
 *     silence, the high band fades out within 50 ms, and after 100 ms the network forgets.
 * out: the same for the output. out[c] may be in[c]; the arrays must not overlap otherwise.
 * frames: any number, 0 included. How the stream is cut into blocks changes no bit of the output.
 *
 * TFBWE_ERROR_ARGUMENT and TFBWE_ERROR_SAMPLES leave the decoder and `out` as they were. On TFBWE_ERROR_RUN
 * all of `out` is written, the high band of a hop that failed is left out, and the network starts anew.
 *
 * The work is done once in 512 samples, in the call that completes them: with smaller blocks most calls cost
 * next to nothing and one costs all. On x86 and ARM64 the graph runs with denormals flushed to zero.
 */
tfbwe_error tfbwe_process(tfbwe *decoder, const float *const *in, float *const *out, size_t frames);

/*
 * Say where the received band ends, in Hz: 0 (nothing is added) or up to 22050. The shipped models add
 * something from about 3500 to 17500 Hz, and nothing above. Goes for the next hop of 512 samples.
 */
tfbwe_error tfbwe_set_cutoff(tfbwe *decoder, float cutoff_hz);

/* The cutoff in Hz: the last that was set, or the model's. */
float tfbwe_cutoff(const tfbwe *decoder);

/* Weight of the diffuse term: 0 (closest to the waveform) to 1 (full spectrum). Goes for the next hop. */
tfbwe_error tfbwe_set_diffuse(tfbwe *decoder, float diffuse);

/* Start anew, as if just made; cutoff and diffuse stay. */
void tfbwe_reset(tfbwe *decoder);

/* Free a decoder; NULL is fine. */
void tfbwe_destroy(tfbwe *decoder);

#ifdef __cplusplus
}
#endif

#endif
