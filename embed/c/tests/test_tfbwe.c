/* Invariants, and bad input: test_tfbwe WAVE_MODEL STEP_MODEL */
#include "../src/tfbwe.c"

#include "repack.h"

#include <math.h>

#define CHECK(condition) check((condition), #condition, __LINE__)

static int failures;

static void check(int holds, const char *what, int line)
{
    if (holds)
        return;
    fprintf(stderr, "line %d: expected %s\n", line, what);
    failures++;
}

static int left = -1, taken; /* allocations until one fails, and so far */

#ifdef WRAPPED
static int failing; /* hops that fail from now on */
int __real_TfLiteSignatureRunnerInvoke(TfLiteSignatureRunner *);
int __wrap_TfLiteSignatureRunnerInvoke(TfLiteSignatureRunner *runner)
{
    return failing > 0 ? failing--, 1 : __real_TfLiteSignatureRunnerInvoke(runner);
}

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_malloc(size_t size) { return taken++, left-- == 0 ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t n, size_t size) { return taken++, left-- == 0 ? NULL : __real_calloc(n, size); }
#endif

static tfbwe_error created(bytes b, int channels)
{
    tfbwe_error error = TFBWE_ERROR_RUN;
    tfbwe *d = tfbwe_create_memory(b.data, b.size, channels, &error);
    CHECK((d != NULL) == (error == TFBWE_OK));
    tfbwe_destroy(d);
    return error;
}

/* What becomes of the model when some text of its manifest is another. */
static tfbwe_error edited(bytes model, const char *from, const char *to)
{
    const byte *text;
    size_t length, before;
    CHECK(!find_manifest(model.data, model.size, &text, &length, &before));
    char *new = malloc(length + strlen(to) + 1), *old = malloc(length + 1);
    memcpy(old, text, length);
    old[length] = 0;
    char *at = strstr(old, from);
    CHECK(at != NULL);
    if (!at)
        exit(1);
    sprintf(new, "%.*s%s%s", (int)(at - old), old, to, at + strlen(from));
    bytes b = packed(model.data, before, new, strlen(new));
    tfbwe_error error = created(b, 0);
    free(b.data);
    free(new);
    free(old);
    return error;
}

static void test_hashes(void)
{
    char hex[65];
    byte a[119];
    memset(a, 'a', sizeof a);
    sha256_hex((const byte *)"", 0, hex);
    CHECK(!strcmp(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    sha256_hex((const byte *)"abc", 3, hex);
    CHECK(!strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    sha256_hex(a, 55, hex);
    CHECK(!strcmp(hex, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"));
    sha256_hex(a, 56, hex);
    CHECK(!strcmp(hex, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"));
    sha256_hex(a, 119, hex);
    CHECK(!strcmp(hex, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"));
    CHECK(crc32_of((const byte *)"123456789", 9) == 0xcbf43926);
}

static bool valid(const char *text)
{
    size_t n = strlen(text);
    char *copy = malloc(n ? n : 1); /* without its NUL: a step beyond the end is seen */
    memcpy(copy, text, n);
    bool is = json_valid((span){copy, copy + n});
    free(copy);
    return is;
}

static void test_json(void)
{
    static const char *const good[] = {"{}", "[]", " { \"a\" : [ 1 , -2.5e+3 , \"\\u00e4\\n\" ] } ", "0", "true",
                                       "[null,false]", "\"\"", "1E5", "-0.1"};
    static const char *const bad[] = {"", " ", "{", "}", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "01",
                                      "1.", ".5", "+1", "1e", "-", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
                                      "tru", "[1 2]", "{} {}", "[", "\"\\", "\"\\u1", "nul", "[1}", "\"\xc3\xa4\""};
    char deep[200] = "";
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check(valid(good[i]), good[i], __LINE__);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check(!valid(bad[i]), bad[i], __LINE__);
    memset(deep, '[', MAX_DEPTH), memset(deep + MAX_DEPTH, ']', MAX_DEPTH);
    CHECK(valid(deep));
    memset(deep, '[', MAX_DEPTH + 1), memset(deep + MAX_DEPTH + 1, ']', MAX_DEPTH + 1);
    CHECK(!valid(deep));
    const char *twice = "{\"a\":1,\"b\":2,\"a\":3}";
    span s = {twice, twice + strlen(twice)};
    CHECK(json_whole(json_get(s, "b")) == 2 && json_whole(json_get(s, "a")) == -1);
    CHECK(json_get(s, "c").at == NULL && json_get(json_get(s, "b"), "a").at == NULL);
}

static const char *const WRONG_CUTOFFS[] = {"\"default_cutoff_hz\": 0", "\"default_cutoff_hz\": 22050.5",
                                            "\"default_cutoff_hz\": \"8000\"", "\"default_cutoff_hz\": -1.5",
                                            "\"default_cutoff_hz\": 8e3", "\"other\": 8000"};

static void test_bad_models(bytes model, const char *step)
{
    bytes other = bytes_of(step), b = model;
    CHECK(created(other, 0) == TFBWE_ERROR_KIND);
    free(other.data);
    for (size_t i = 0; i < 300; i++) { /* cut, at places all over it and at its end */
        b.size = i < 150 ? model.size * i / 150 : model.size - 1 - (i - 150);
        CHECK(created(b, 0) != TFBWE_OK);
    }
    for (size_t i = 0; i < 300; i++) { /* one byte altered */
        size_t at = i < 150 ? model.size * i / 150 : model.size - 1 - (i - 150);
        model.data[at] ^= (byte)(1 << i % 8);
        CHECK(created(model, 0) != TFBWE_OK);
        model.data[at] ^= (byte)(1 << i % 8);
    }
    CHECK(edited(model, "\"format_version\": 2", "\"format_version\": 3") == TFBWE_ERROR_VERSION);
    CHECK(edited(model, "\"format_version\": 2", "\"format_version\": 1") == TFBWE_ERROR_KIND);
    CHECK(edited(model, "\"default_cutoff_hz\": 11025.0", "\"default_cutoff_hz\": 8000") == TFBWE_OK);
    for (size_t i = 0; i < sizeof WRONG_CUTOFFS / sizeof *WRONG_CUTOFFS; i++)
        CHECK(edited(model, "\"default_cutoff_hz\": 11025.0", WRONG_CUTOFFS[i]) == TFBWE_ERROR_GRAPH);
    CHECK(edited(model, "\"format_version\": 2", "\"format_version\": 2.0") == TFBWE_ERROR_DAMAGED);
    CHECK(edited(model, "\"wave\"", "\"step\"") == TFBWE_ERROR_KIND);
    CHECK(edited(model, "44100", "48000") == TFBWE_ERROR_KIND);
    CHECK(edited(model, "\"hop_length\": 512", "\"hop_length\": 256") == TFBWE_ERROR_KIND);
    CHECK(edited(model, "\"channels\": ", "\"channels\": 1") == TFBWE_ERROR_GRAPH);
    CHECK(edited(model, "\"size_bytes\": ", "\"size_bytes\": 1") == TFBWE_ERROR_DAMAGED);
    CHECK(edited(model, "1536\n", "1535\n") == TFBWE_ERROR_GRAPH);
    CHECK(edited(model, "\"state_3\": [", "\"state_4\": [") == TFBWE_ERROR_GRAPH);
    CHECK(edited(model, "\"state_0\": [\n", "\"state_0\": 3, \"x\": [\n") == TFBWE_ERROR_GRAPH);
    CHECK(edited(model, "\"frame\": [\n", "\"lost\": [\n") == TFBWE_ERROR_GRAPH);
    CHECK(edited(model, "{\n", "{\n\n") == TFBWE_OK); /* the helper itself does no harm */
}

static void test_bad_arguments(bytes model, const char *path, int channels)
{
    tfbwe_error error = TFBWE_OK;
    bytes none = {model.data, 0};
    CHECK(!tfbwe_create_file(NULL, 0, &error) && error == TFBWE_ERROR_ARGUMENT);
    CHECK(!tfbwe_create_file("no such file", 0, NULL));
    CHECK(!tfbwe_create_file("no such file", 0, &error) && error == TFBWE_ERROR_FILE);
    CHECK(!tfbwe_create_file(".", 0, &error) && error != TFBWE_OK);
    CHECK(!tfbwe_create_file(path, 3 - channels, &error) && error == TFBWE_ERROR_CHANNELS);
    CHECK(!tfbwe_create_memory(NULL, 1, 0, &error) && error == TFBWE_ERROR_ARGUMENT);
    CHECK(created(model, -1) == TFBWE_ERROR_ARGUMENT && created(model, 9) == TFBWE_ERROR_ARGUMENT);
    CHECK(created(none, 0) == TFBWE_ERROR_FOREIGN);
    CHECK(tfbwe_process(NULL, NULL, NULL, 0) == TFBWE_ERROR_ARGUMENT);
    CHECK(tfbwe_set_cutoff(NULL, 0) && tfbwe_set_diffuse(NULL, 0));
    CHECK(tfbwe_channels(NULL) == 0);
    tfbwe_reset(NULL);
    tfbwe_destroy(NULL);
    for (int i = 0; i <= TFBWE_ERROR_RUN; i++)
        CHECK(strcmp(tfbwe_error_text((tfbwe_error)i), "unknown error"));
    CHECK(!strcmp(tfbwe_error_text((tfbwe_error)99), "unknown error"));
}

static void test_memory(const char *path)
{
#ifdef WRAPPED
    tfbwe_error error;
    for (int i = 0; i < 6; i++) { /* the file, the decoder and its four buffers */
        left = i;
        CHECK(!tfbwe_create_file(path, 0, &error) && error == TFBWE_ERROR_MEMORY);
    }
    left = -1;
#else
    (void)path;
#endif
}

/* Something like music; the same for the same place. */
static float note(int channel, size_t i)
{
    double t = (double)i / TFBWE_SAMPLE_RATE, x = 0;
    for (int partial = 1; partial < 18; partial++)
        x += sin(6.283185307 * 440 * partial * t + channel) / partial;
    return (float)(0.2 * x * exp(-4 * fmod(t, 0.25)));
}

enum { FRAMES = 20000 };

/* Decode the notes in blocks up to a size. */
static void decode(tfbwe *d, size_t most, float (*out)[FRAMES])
{
    static float in[MAX_CHANNELS][FRAMES];
    const float *from[MAX_CHANNELS];
    float *to[MAX_CHANNELS];
    unsigned seed = 1;
    for (size_t done = 0, count; done < FRAMES; done += count) {
        seed = seed * 1103515245 + 12345;
        count = (seed >> 16) % (most + 1);
        count = count < FRAMES - done ? count : FRAMES - done;
        for (int c = 0; c < tfbwe_channels(d); c++) {
            for (size_t i = done; i < done + count; i++)
                in[c][i] = note(c, i);
            from[c] = in[c] + done;
            to[c] = out[c] + done;
        }
        CHECK(tfbwe_process(d, from, to, count) == TFBWE_OK);
    }
}

static void test_blocks(tfbwe *d)
{
    static float whole[MAX_CHANNELS][FRAMES], cut[MAX_CHANNELS][FRAMES];
    static const size_t sizes[] = {1, 7, 511, 512, 513, 2048, 5000};
    size_t used = (size_t)tfbwe_channels(d) * sizeof *whole;
    double added = 0;
    CHECK(!tfbwe_set_cutoff(d, 8000));
    tfbwe_reset(d);
    CHECK(tfbwe_cutoff(d) == 8000);
    decode(d, FRAMES, whole);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tfbwe_reset(d);
        int before = taken;
        decode(d, sizes[i], cut);
        CHECK(taken == before);
        CHECK(!memcmp(whole, cut, used));
    }
    for (size_t i = LATENCY; i < FRAMES; i++)
        added += fabs((double)whole[0][i] - (double)note(0, i - LATENCY));
    CHECK(added > 1);
}

/* With a cutoff of 0, and with one that no model takes, the output is the input, late. */
static void test_nothing_added(tfbwe *d, float cutoff_hz)
{
    static float out[MAX_CHANNELS][FRAMES];
    tfbwe_reset(d);
    CHECK(!tfbwe_set_cutoff(d, cutoff_hz));
    decode(d, 999, out);
    for (int c = 0; c < tfbwe_channels(d); c++)
        for (size_t i = 0; i < FRAMES; i++)
            if (out[c][i] != (i < LATENCY ? 0 : note(c, i - LATENCY))) {
                CHECK(!"the received samples alone");
                return;
            }
}

/* Denormals of the received signal, too, come out as they went in. */
static void test_tiny_samples(tfbwe *d)
{
    float x[MAX_CHANNELS][LATENCY], *to[MAX_CHANNELS];
    const uint32_t bits = 0x80000003;
    tfbwe_reset(d);
    CHECK(!tfbwe_set_cutoff(d, 0));
    for (int block = 0; block < 2; block++) {
        for (int c = 0; c < MAX_CHANNELS; c++) {
            to[c] = x[c];
            for (size_t i = 0; i < LATENCY; i++)
                memcpy(&x[c][i], &bits, sizeof bits);
        }
        CHECK(!tfbwe_process(d, (const float *const *)to, to, LATENCY));
    }
    for (int c = 0; c < tfbwe_channels(d); c++)
        CHECK(!memcmp(&x[c][0], &bits, sizeof bits) && !memcmp(&x[c][LATENCY - 1], &bits, sizeof bits));
}

/* A refused block changes nothing: after it the stream goes on as if it had not been. */
static void test_refused(tfbwe *d)
{
    static float expected[MAX_CHANNELS][FRAMES], received[MAX_CHANNELS][FRAMES];
    static const uint32_t odd[] = {0x7fc00000, 0xffc00001, 0x7f800000, 0xff800000};
    float in[MAX_CHANNELS][600] = {{0}}, out[MAX_CHANNELS][600];
    const float *from[MAX_CHANNELS];
    float *to[MAX_CHANNELS];
    int channels = tfbwe_channels(d);
    for (int c = 0; c < MAX_CHANNELS; c++)
        from[c] = in[c], to[c] = out[c];
    memset(out, 1, sizeof out);
    CHECK(!tfbwe_set_cutoff(d, 8000));
    tfbwe_reset(d);
    decode(d, 700, expected);
    decode(d, 700, expected);
    tfbwe_reset(d);
    decode(d, 700, received);
    for (size_t i = 0; i < 4; i++) {
        memcpy(&in[channels - 1][599], &odd[i], sizeof odd[i]);
        CHECK(tfbwe_process(d, from, to, 600) == TFBWE_ERROR_SAMPLES);
    }
    in[channels - 1][599] = 0;
    CHECK(((byte *)out)[0] == 1 && ((byte *)out[channels - 1])[2399] == 1);
    CHECK(tfbwe_process(d, from, NULL, 600) == TFBWE_ERROR_ARGUMENT);
    from[channels - 1] = NULL;
    CHECK(tfbwe_process(d, from, to, 600) == TFBWE_ERROR_ARGUMENT);
    CHECK(tfbwe_process(d, from, NULL, 0) == TFBWE_OK);
    CHECK(tfbwe_set_cutoff(d, -1) && tfbwe_set_cutoff(d, NAN) && tfbwe_set_cutoff(d, 22051));
    CHECK(tfbwe_set_diffuse(d, -0.1f) && tfbwe_set_diffuse(d, NAN) && tfbwe_set_diffuse(d, 1.1f));
    decode(d, 700, received);
    CHECK(!memcmp(expected, received, (size_t)channels * sizeof *expected));
}

/* A hop that TFLite does not run has no high band, and the stream goes on. */
static void test_failing_hop(tfbwe *d)
{
#ifdef WRAPPED
    float x[MAX_CHANNELS][HOP], *to[MAX_CHANNELS];
    bool alone = true, added = false;
    tfbwe_reset(d);
    CHECK(!tfbwe_set_cutoff(d, 8000));
    for (size_t hop = 0; hop < 30; hop++) {
        failing = hop == 10;
        for (int c = 0; c < MAX_CHANNELS; c++) {
            to[c] = x[c];
            for (size_t i = 0; i < HOP; i++)
                x[c][i] = note(c, hop * HOP + i);
        }
        tfbwe_error error = tfbwe_process(d, (const float *const *)to, to, HOP);
        CHECK(error == (hop == 10 ? TFBWE_ERROR_RUN : TFBWE_OK));
        for (size_t i = 0; i < HOP; i++) {
            bool same = x[0][i] == (hop < 4 ? 0 : note(0, (hop - 4) * HOP + i));
            alone &= hop != 11 || same;
            added |= hop > 11 && !same;
        }
    }
    CHECK(alone && added);
#else
    (void)d;
#endif
}

/* Loud, tiny and lost samples: all output is finite, and the processor's state is as before. */
static void test_extremes(tfbwe *d)
{
    static const float levels[] = {1e30f, 1e-42f, 3e38f, 0, 1};
    float x[MAX_CHANNELS][512], *to[MAX_CHANNELS];
    volatile float tiny = 1e-42f;
    tfbwe_reset(d);
    for (int c = 0; c < MAX_CHANNELS; c++)
        to[c] = x[c];
    for (int block = 0; block < 80; block++) {
        for (int c = 0; c < tfbwe_channels(d); c++)
            for (size_t i = 0; i < 512; i++)
                x[c][i] = levels[block / 16] * note(c, i);
        CHECK(!tfbwe_process(d, block % 8 < 6 ? (const float *const *)to : NULL, to, 512));
        for (int c = 0; c < tfbwe_channels(d); c++)
            CHECK(all_finite(x[c], 512));
    }
    CHECK(tiny * 0.5f > 0);
}

int main(int argc, char **argv)
{
    tfbwe_error error;
    if (argc != 3)
        return 2;
    bytes model = bytes_of(argv[1]);
    tfbwe *d = tfbwe_create_file(argv[1], 0, &error);
    if (!d) {
        fprintf(stderr, "%s: %s\n", argv[1], tfbwe_error_text(error));
        return 1;
    }
    CHECK(tfbwe_latency(d) == LATENCY);
    CHECK(tfbwe_cutoff(d) == 11025 && tfbwe_cutoff(NULL) == 0);
    test_hashes();
    test_json();
    test_bad_models(model, argv[2]);
    test_bad_arguments(model, argv[1], tfbwe_channels(d));
    test_memory(argv[1]);
    test_nothing_added(d, 0);
    test_nothing_added(d, 20000);
    test_tiny_samples(d);
    test_blocks(d);
    test_refused(d);
    test_failing_hop(d);
    test_extremes(d);
    tfbwe_destroy(d);
    free(model.data);
    return failures != 0;
}
