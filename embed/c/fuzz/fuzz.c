/*
 * Any bytes as a model, as a manifest of a model that is right otherwise, and as blocks with settings.
 *
 * For libFuzzer:  TFBWE_MODEL=stft-mono.tflite ./fuzz     (clang -fsanitize=fuzzer,address)
 * Alone, with -DFUZZ_MAIN:  fuzz stft-mono.tflite ROUNDS  (random changes of that model, seed 1)
 *
 * Flatbuffers with a right hash are left out: those TFLite alone reads.
 */
#include "../src/tfbwe.c"

#include "../tests/repack.h"

static bytes model;
static const byte *text; /* the model's own manifest */
static size_t length, before;
static tfbwe *decoder;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void prepare(const char *path)
{
    model = bytes_of(path);
    decoder = tfbwe_create_file(path, 0, NULL);
    if (!decoder || find_manifest(model.data, model.size, &text, &length, &before)) {
        fprintf(stderr, "%s: expected a model with a graph from wave to wave\n", path);
        exit(2);
    }
}

/* Run blocks whose sizes, settings and samples the bytes are. */
static void play(tfbwe *d, const uint8_t *data, size_t size)
{
    size_t channels = (size_t)tfbwe_channels(d);
    while (size >= 4) {
        size_t frames = (size_t)data[1] * (data[0] & 4 ? 16 : 1), bytes = frames * channels * sizeof(float);
        float *samples = calloc(bytes ? bytes : 1, 1), *planes[MAX_CHANNELS], setting;
        memcpy(&setting, data, 4);
        if (data[0] & 8)
            tfbwe_set_cutoff(d, setting);
        tfbwe_set_cutoff(d, 100.0f * data[2]);
        tfbwe_set_diffuse(d, data[3] / 200.0f);
        size_t taken = bytes < size - 4 ? bytes : size - 4;
        memcpy(samples, data + 4, taken);
        for (size_t c = 0; c < channels; c++)
            planes[c] = samples + c * frames;
        tfbwe_process(d, data[0] & 1 ? NULL : (const float *const *)planes, planes, frames);
        if (data[0] & 2)
            tfbwe_reset(d);
        free(samples);
        data += 4 + taken;
        size -= 4 + taken;
    }
}

static void open_and_play(const uint8_t *data, size_t size)
{
    static const uint8_t blocks[] = {0, 200, 80, 200, 0, 255, 80, 100, 0, 255, 80, 100};
    tfbwe *d = tfbwe_create_memory(data, size, 0, NULL);
    if (!d)
        return;
    play(d, blocks, sizeof blocks);
    tfbwe_destroy(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!decoder && getenv("TFBWE_MODEL"))
        prepare(getenv("TFBWE_MODEL"));
    if (!size || !decoder)
        return 0;
    if (data[0] % 3 == 0)
        open_and_play(data + 1, size - 1);
    if (data[0] % 3 == 1) {
        bytes b = packed(model.data, before, (const char *)data + 1, size - 1);
        open_and_play(b.data, b.size);
        free(b.data);
    }
    if (data[0] % 3 == 2)
        play(decoder, data + 1, size - 1);
    return 0;
}

#ifdef FUZZ_MAIN
static uint32_t random_number(void)
{
    static uint64_t x = 1;
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(x >> 33);
}

/* Change, drop or repeat some bytes; returns the new size, at most the old one. */
static size_t mutate(uint8_t *data, size_t size)
{
    for (uint32_t changes = random_number() % 4; changes && size > 1; changes--) {
        size_t at = random_number() % size, n = random_number() % 16;
        n = n < size - at ? n : size - at;
        switch (random_number() % 4) {
        case 0: data[at] ^= (uint8_t)(1 << random_number() % 8); break;
        case 1: data[at] = (uint8_t)"{}[]\",:0123456789\\ \n"[random_number() % 21]; break;
        case 2: memmove(data + at, data + at + n, size - at - n), size -= n; break;
        default: memmove(data + random_number() % (size - n + 1), data + at, n);
        }
    }
    return random_number() % 8 ? size : random_number() % (size + 1);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    prepare(argv[1]);
    uint8_t *data = malloc(model.size + 1);
    for (long round = strtol(argv[2], NULL, 10); round > 0; round--) {
        size_t size = round % 3 == 0 ? model.size : round % 3 == 1 ? length : 8192;
        const byte *from = round % 3 == 0 ? model.data : round % 3 == 1 ? text : model.data + random_number() % 65536;
        memcpy(data + 1, from, size);
        size = mutate(data + 1, size);
        data[0] = (uint8_t)(round % 3);
        uint8_t *exact = malloc(size + 1); /* so that a step beyond the end is seen */
        memcpy(exact, data, size + 1);
        LLVMFuzzerTestOneInput(exact, size + 1);
        free(exact);
    }
    free(data);
    free(model.data);
    tfbwe_destroy(decoder);
    return 0;
}
#endif
