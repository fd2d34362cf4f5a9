#if defined(__unix__) || defined(__APPLE__)
#define _POSIX_C_SOURCE 200112L
#include <unistd.h>
#endif

#include "wav.h"

#include <math.h>
#include <string.h>

enum { PCM = 1, FLOAT = 3, EXTENSIBLE = 0xfffe };

/* The size that programs write which cannot go back to the header. */
static const uint32_t UNKNOWN = 0xffffffff;

static uint32_t get(const unsigned char *p, int bytes)
{
    uint32_t x = 0;
    for (int i = 0; i < bytes; i++)
        x |= (uint32_t)p[i] << 8 * i;
    return x;
}

static void put(unsigned char *p, uint32_t x, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (unsigned char)(x >> 8 * i);
}

/* Move on; by reading, since the file may be a pipe. */
static int skip(FILE *file, uint64_t bytes)
{
    for (; bytes; bytes--)
        if (fgetc(file) == EOF)
            return 0;
    return 1;
}

static const char *read_format(wav *w, uint32_t size)
{
    unsigned char f[40] = {0};
    uint32_t known = size < sizeof f ? size : sizeof f;
    if (size < 16 || fread(f, 1, known, w->file) != known || !skip(w->file, size - known + size % 2))
        return "its format chunk is cut";
    uint32_t tag = get(f, 2);
    if (tag == EXTENSIBLE)
        tag = get(f + 24, 2);
    w->channels = (int)get(f + 2, 2);
    w->sample_rate = get(f + 4, 4);
    w->bits = (int)get(f + 14, 2);
    w->is_float = tag == FLOAT;
    if (w->channels < 1 || w->channels > WAV_MAX_CHANNELS)
        return "expected 1 to 8 channels";
    if (!(tag == PCM && (w->bits == 16 || w->bits == 24 || w->bits == 32)) && !(tag == FLOAT && w->bits == 32))
        return "expected PCM of 16, 24 or 32 bits, or float of 32 bits";
    if (get(f + 12, 2) != (uint32_t)(w->channels * w->bits / 8))
        return "its format chunk contradicts itself";
    return NULL;
}

/* Count the bytes that are there: a file may be cut, or a header say more than there is. */
static uint64_t bytes_left(FILE *file, uint64_t told)
{
    long here = ftell(file), end;
    if (here < 0 || fseek(file, 0, SEEK_END))
        return told;
    end = ftell(file);
    if (end < here || fseek(file, here, SEEK_SET))
        return 0;
    return told < (uint64_t)(end - here) ? told : (uint64_t)(end - here);
}

const char *wav_open(wav *w, const char *path)
{
    unsigned char head[12];
    memset(w, 0, sizeof *w);
    w->file = fopen(path, "rb");
    if (!w->file)
        return "cannot be opened";
    if (fread(head, 1, 12, w->file) != 12 || memcmp(head, "RIFF", 4) || memcmp(head + 8, "WAVE", 4))
        return "expected a WAV file";
    while (fread(head, 1, 8, w->file) == 8) {
        uint32_t size = get(head + 4, 4);
        if (!memcmp(head, "data", 4)) {
            if (!w->channels)
                return "its format chunk is missing";
            uint64_t frame = (uint64_t)(w->channels * w->bits / 8);
            w->frames = w->left = bytes_left(w->file, size) / frame;
            if (size != UNKNOWN)
                w->missing = size / frame - w->frames;
            return NULL;
        }
        if (!memcmp(head, "fmt ", 4)) {
            const char *wrong = read_format(w, size);
            if (wrong)
                return wrong;
        } else if (!skip(w->file, (uint64_t)size + size % 2))
            break;
    }
    return "it holds no data chunk";
}

static float decoded(const wav *w, const unsigned char *p)
{
    uint32_t bits = get(p, w->bits / 8);
    float x;
    if (w->is_float) {
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    /* To the top, so that the sign is the sign of 32 bits. */
    bits <<= 32 - w->bits;
    return (float)((double)bits - (bits >> 31 ? 4294967296.0 : 0)) / 2147483648.0f;
}

size_t wav_read(wav *w, float *const *channels)
{
    unsigned char bytes[WAV_BLOCK * WAV_MAX_CHANNELS * 4], *p = bytes;
    size_t size = (size_t)(w->bits / 8), frame = size * (size_t)w->channels;
    size_t wanted = w->left < WAV_BLOCK ? (size_t)w->left : WAV_BLOCK, got = fread(bytes, frame, wanted, w->file);
    for (size_t i = 0; i < got; i++)
        for (int c = 0; c < w->channels; c++, p += size)
            channels[c][i] = decoded(w, p);
    w->left = got == wanted ? w->left - got : 0;
    return got;
}

const char *wav_create(wav *w, const char *path, const wav *like)
{
    unsigned char head[44] = "RIFF....WAVEfmt \20\0\0\0";
    uint32_t frame = (uint32_t)(like->channels * like->bits / 8), data = (uint32_t)like->frames * frame;
    *w = *like;
    w->clipped = 0;
    w->file = fopen(path, "wbx");
    if (!w->file)
        return "cannot be made, or is there already";
    put(head + 4, data + data % 2 + 36, 4);
    put(head + 20, like->is_float ? FLOAT : PCM, 2);
    put(head + 22, (uint32_t)like->channels, 2);
    put(head + 24, like->sample_rate, 4);
    put(head + 28, like->sample_rate * frame, 4);
    put(head + 32, frame, 2);
    put(head + 34, (uint32_t)like->bits, 2);
    memcpy(head + 36, "data", 4);
    put(head + 40, data, 4);
    return fwrite(head, 1, sizeof head, w->file) == sizeof head ? NULL : "cannot be written";
}

static uint32_t encoded(wav *w, float x)
{
    uint32_t bits;
    if (w->is_float) {
        memcpy(&bits, &x, sizeof bits);
        return bits;
    }
    double full = ldexp(1, w->bits - 1), y = floor(x * full + 0.5), held = y;
    held = held < -full ? -full : held > full - 1 ? full - 1 : held;
    w->clipped += held != y;
    return (uint32_t)(int32_t)held;
}

int wav_write(wav *w, const float *const *channels, size_t from, size_t frames)
{
    unsigned char bytes[WAV_BLOCK * WAV_MAX_CHANNELS * 4], *p = bytes;
    size_t size = (size_t)(w->bits / 8);
    for (size_t i = from; i < from + frames; i++)
        for (int c = 0; c < w->channels; c++, p += size)
            put(p, encoded(w, channels[c][i]), (int)size);
    size_t count = (size_t)(p - bytes);
    return fwrite(bytes, 1, count, w->file) == count;
}

int wav_sync(wav *w)
{
#ifdef _POSIX_C_SOURCE
    return !fflush(w->file) && !fsync(fileno(w->file));
#else
    return !fflush(w->file);
#endif
}

int wav_close(wav *w)
{
    int written = 1;
    if (w->file)
        written = !ferror(w->file) & !fclose(w->file);
    w->file = NULL;
    return written;
}
