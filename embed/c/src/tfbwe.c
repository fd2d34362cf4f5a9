#include "tfbwe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tflite_c.h"

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

enum {
    HOP = 512,
    LATENCY = 2048, /* the graph's 1536, and one hop to collect samples */
    GRAPH_LATENCY = LATENCY - HOP,
    N_FFT = 2048,
    FORMAT_VERSION = 2,
    MAX_CHANNELS = 8,
    MAX_STATES = 16,
    MAX_DIMS = 4,
    MAX_NAME = 48,
    MAX_DEPTH = 32,
    MAX_BYTES = 64 << 20,
    MAX_MANIFEST_BYTES = 1 << 20
};

typedef unsigned char byte;

/* A state's input, and the output that is its next value. */
typedef struct {
    TfLiteTensor *now;
    const TfLiteTensor *next;
    size_t bytes;
} state;

struct tfbwe {
    int channels;
    float cutoff_hz, diffuse;
    uint64_t lost; /* samples in a row */
    size_t filled; /* samples of the hop that is being collected */
    size_t place;  /* in the delay */
    float *hop, *high, *delay; /* (channels, HOP), (channels, HOP), (channels, LATENCY) */
    byte *flatbuffer;          /* TFLite reads the weights from here */
    TfLiteModel *model;
    TfLiteDelegate *delegate;
    TfLiteInterpreter *interpreter;
    TfLiteSignatureRunner *runner;
    TfLiteTensor *in_hop, *in_cutoff, *in_diffuse, *in_lost;
    const TfLiteTensor *out_high;
    state states[MAX_STATES];
    int state_count;
};

/* ---- SHA-256 (FIPS 180-4) ---- */

static const uint32_t SHA_K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotated(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void sha_block(uint32_t h[8], const byte *p)
{
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[i - 7] +
               (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
    memcpy(s, h, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t one = s[7] + (rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)) +
                       ((s[4] & s[5]) ^ (~s[4] & s[6])) + SHA_K[i] + w[i];
        uint32_t two = (rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)) +
                       ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

static void sha256_hex(const byte *data, size_t size, char hex[65])
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    byte end[128] = {0};
    size_t whole = size / 64 * 64, rest = size - whole, last = rest < 56 ? 64 : 128;
    for (size_t i = 0; i < whole; i += 64)
        sha_block(h, data + i);
    memcpy(end, data + whole, rest);
    end[rest] = 0x80;
    for (size_t i = 0; i < 8; i++)
        end[last - 1 - i] = (byte)((uint64_t)size * 8 >> 8 * i);
    for (size_t i = 0; i < last; i += 64)
        sha_block(h, end + i);
    for (int i = 0; i < 64; i++)
        hex[i] = "0123456789abcdef"[h[i / 8] >> (28 - 4 * (i % 8)) & 15];
    hex[64] = 0;
}

/* ---- The zip at the end ---- */

static uint32_t crc32_of(const byte *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static uint32_t get32(const byte *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(byte *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (byte)(x >> 8 * i);
}

static void put_sizes(byte *p, uint32_t crc, uint32_t size)
{
    put32(p, crc);
    put32(p + 4, size);
    put32(p + 8, size);
}

/*
 * The zip holds one stored entry and has one form, so it is made anew around the manifest and compared: no
 * field is believed, and a change of any byte is seen.
 */
static const byte ZIP_HEAD[40] = "PK\3\4\24\0\0\0\0\0\0\0\41\0............\12\0\0\0tfbwe.json";
static const byte ZIP_LIST[78] = "PK\1\2\24\3\24\0\0\0\0\0\0\0\41\0............\12\0\0\0\0\0\0\0\0\0\0\0\200\1"
                                 "\0\0\0\0tfbwe.json"
                                 "PK\5\6\0\0\0\0\1\0\1\0\70\0\0\0....\0";

/* Find the manifest; on success `text` to `text + length` is it, and everything before the zip `before` bytes. */
static tfbwe_error find_manifest(const byte *data, size_t size, const byte **text, size_t *length, size_t *before)
{
    byte head[sizeof ZIP_HEAD], list[sizeof ZIP_LIST];
    if (size < sizeof head + sizeof list || memcmp(data + size - 22, ZIP_LIST + 56, 4))
        return TFBWE_ERROR_FOREIGN;
    size_t most = size - sizeof head - sizeof list;
    size_t told = get32(data + size - sizeof list + 24);
    if (memcmp(data + size - sizeof list, ZIP_LIST, 4))
        return TFBWE_ERROR_FOREIGN;
    if (told > most || told > MAX_MANIFEST_BYTES)
        return TFBWE_ERROR_DAMAGED;
    *length = told;
    *text = data + size - sizeof list - told;
    *before = most - told;
    uint32_t crc = crc32_of(*text, told);
    memcpy(head, ZIP_HEAD, sizeof head);
    memcpy(list, ZIP_LIST, sizeof list);
    put_sizes(head + 14, crc, (uint32_t)told);
    put_sizes(list + 16, crc, (uint32_t)told);
    put32(list + 72, (uint32_t)(told + sizeof head));
    if (memcmp(*text - sizeof head, head, sizeof head) || memcmp(*text + told, list, sizeof list))
        return TFBWE_ERROR_DAMAGED;
    return TFBWE_OK;
}

/* ---- JSON, strict, of ASCII alone as the exporter writes it ---- */

/* What is left to read; `at` is NULL once anything was wrong. */
typedef struct {
    const char *at, *end;
} span;

static bool json_value(span *s, int depth);

static void json_space(span *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
}

/* Take a character with the space around it, if it comes next. */
static bool json_take(span *s, char c)
{
    json_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    json_space(s);
    return true;
}

static bool json_string(span *s)
{
    if (s->at == s->end || *s->at++ != '"')
        return false;
    while (s->at < s->end && *s->at != '"') {
        if (*s->at < ' ' || *s->at > '~') /* with signed or unsigned char: nothing but ASCII */
            return false;
        if (*s->at++ != '\\')
            continue;
        if (s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
            return false;
        if (*s->at++ == 'u')
            for (int i = 0; i < 4; i++)
                if (s->at == s->end || !*s->at || !strchr("0123456789abcdefABCDEF", *s->at++))
                    return false;
    }
    return s->at < s->end && *s->at++ == '"';
}

static bool json_digits(span *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > start;
}

static bool json_number(span *s)
{
    if (s->at < s->end && *s->at == '-')
        s->at++;
    const char *start = s->at;
    if (!json_digits(s) || (*start == '0' && s->at - start > 1))
        return false;
    if (s->at < s->end && *s->at == '.' && (s->at++, !json_digits(s)))
        return false;
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return json_digits(s);
    }
    return true;
}

static bool json_word(span *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n))
        return false;
    s->at += n;
    return true;
}

/* Read past an array or an object. */
static bool json_group(span *s, int depth, bool object)
{
    char close = object ? '}' : ']';
    if (depth <= 0)
        return false;
    s->at++;
    if (json_take(s, close))
        return true;
    do {
        if (object && !(json_string(s) && json_take(s, ':')))
            return false;
        if (!json_value(s, depth - 1))
            return false;
    } while (json_take(s, ','));
    return s->at < s->end && *s->at++ == close;
}

/* Read past any value; false if it is not one. */
static bool json_value(span *s, int depth)
{
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{': return json_group(s, depth, true);
    case '[': return json_group(s, depth, false);
    case '"': return json_string(s);
    case 't': return json_word(s, "true");
    case 'f': return json_word(s, "false");
    case 'n': return json_word(s, "null");
    default: return json_number(s);
    }
}

static bool json_valid(span s)
{
    json_space(&s);
    if (!json_value(&s, MAX_DEPTH))
        return false;
    json_space(&s);
    return s.at == s.end;
}

/*
 * Step through an object or array, of text that json_valid() accepted: the next key (with its quotes; none
 * in an array) and value. Start with `s` at the bracket that opens it.
 */
static bool json_next(span *s, span *key, span *value)
{
    char opening = *s->at;
    bool object = key != NULL;
    if (opening == ',' || opening == (object ? '{' : '['))
        s->at++;
    else
        return false;
    json_space(s);
    if (*s->at == '}' || *s->at == ']')
        return false;
    if (object) {
        key->at = s->at;
        json_string(s);
        key->end = s->at;
        json_take(s, ':');
    }
    value->at = s->at;
    json_value(s, MAX_DEPTH);
    value->end = s->at;
    json_space(s);
    return true;
}

static bool json_is(span s, const char *text)
{
    size_t n = strlen(text);
    return s.at && (size_t)(s.end - s.at) == n + 2 && *s.at == '"' && !memcmp(s.at + 1, text, n);
}

/* The value of an object's key; empty if it is missing, there twice, or `object` is none. */
static span json_get(span object, const char *name)
{
    span none = {NULL, NULL}, found = none, key, value;
    if (!object.at || *object.at != '{')
        return none;
    while (json_next(&object, &key, &value)) {
        if (!json_is(key, name))
            continue;
        if (found.at)
            return none;
        found = value;
    }
    return found;
}

/* A whole number of up to 9 digits, or -1. */
static long json_whole(span s)
{
    long x = 0;
    if (!s.at || s.end - s.at < 1 || s.end - s.at > 9)
        return -1;
    for (; s.at < s.end; s.at++) {
        if (*s.at < '0' || *s.at > '9')
            return -1;
        x = 10 * x + (*s.at - '0');
    }
    return x;
}

/* A number above 0 without an exponent, in any locale, or -1. */
static float json_decimal(span s)
{
    double x = 0, place = 1;
    bool fraction = false;
    if (!s.at || s.end - s.at > 12)
        return -1;
    for (; s.at < s.end; s.at++) {
        if (*s.at == '.') /* one at most, between digits: json_valid() has seen to it */
            fraction = true;
        else if (*s.at < '0' || *s.at > '9')
            return -1;
        else if (fraction)
            x += (*s.at - '0') * (place /= 10);
        else
            x = 10 * x + (*s.at - '0');
    }
    return x > 0 ? (float)x : -1;
}

/* ---- The manifest ---- */

typedef struct {
    int count;
    int32_t dims[MAX_DIMS];
} shape;

typedef struct {
    size_t size;
    int channels;
    float cutoff_hz;
    int state_count;
    char names[MAX_STATES][MAX_NAME];
    shape shapes[MAX_STATES];
} manifest;

static bool read_shape(span value, shape *out)
{
    span one;
    out->count = 0;
    if (*value.at != '[')
        return false;
    while (json_next(&value, NULL, &one)) {
        long n = json_whole(one);
        if (out->count == MAX_DIMS || n < 1 || n > 65536)
            return false;
        out->dims[out->count++] = (int32_t)n;
    }
    return true;
}

static bool read_states(span states, manifest *m)
{
    span key, value;
    if (!states.at || *states.at != '{')
        return false;
    for (m->state_count = 0; json_next(&states, &key, &value); m->state_count++) {
        size_t length = (size_t)(key.end - key.at) - 2;
        if (m->state_count == MAX_STATES || length >= MAX_NAME || memchr(key.at + 1, '\\', length))
            return false;
        char *name = m->names[m->state_count];
        memcpy(name, key.at + 1, length);
        name[length] = 0;
        if (!read_shape(value, &m->shapes[m->state_count]))
            return false;
    }
    return true;
}

static bool right_signal(span root)
{
    span transform = json_get(root, "transform"), graph = json_get(root, "graph");
    return json_is(json_get(graph, "kind"), "wave") && json_whole(json_get(graph, "hop_length")) == HOP &&
           json_whole(json_get(graph, "latency_samples")) == GRAPH_LATENCY &&
           json_is(json_get(transform, "kind"), "stft") && json_whole(json_get(transform, "n_fft")) == N_FFT &&
           json_whole(json_get(transform, "hop_length")) == HOP &&
           json_whole(json_get(transform, "sample_rate")) == TFBWE_SAMPLE_RATE;
}

/* Read a manifest and check it against the bytes that it describes. */
static tfbwe_error read_manifest(const byte *data, size_t size, manifest *m)
{
    const byte *text;
    size_t length, before;
    char hex[65];
    tfbwe_error error = find_manifest(data, size, &text, &length, &before);
    if (error)
        return error;
    span root = {(const char *)text, (const char *)text + length};
    if (!json_valid(root))
        return TFBWE_ERROR_DAMAGED;
    json_space(&root);
    long version = json_whole(json_get(root, "format_version"));
    if (version > FORMAT_VERSION)
        return TFBWE_ERROR_VERSION;
    if (version < 1 || json_whole(json_get(root, "size_bytes")) != (long)before)
        return TFBWE_ERROR_DAMAGED;
    sha256_hex(data, before, hex);
    if (!json_is(json_get(root, "sha256"), hex))
        return TFBWE_ERROR_DAMAGED;
    if (version != FORMAT_VERSION || !right_signal(root))
        return TFBWE_ERROR_KIND;
    long channels = json_whole(json_get(json_get(root, "graph"), "channels"));
    m->cutoff_hz = json_decimal(json_get(json_get(root, "graph"), "default_cutoff_hz"));
    if (!(m->cutoff_hz > 0 && m->cutoff_hz <= TFBWE_SAMPLE_RATE / 2))
        return TFBWE_ERROR_GRAPH;
    if (channels < 1 || channels > MAX_CHANNELS || !read_states(json_get(root, "states"), m))
        return TFBWE_ERROR_GRAPH;
    m->channels = (int)channels;
    m->size = before;
    return TFBWE_OK;
}

/* ---- The graph ---- */

static void say_nothing(void *user, const char *format, va_list arguments)
{
    (void)user, (void)format, (void)arguments; /* the error code says it; a library does not print */
}

static bool fits(const TfLiteTensor *tensor, const shape *expected)
{
    size_t bytes = sizeof(float);
    if (!tensor || TfLiteTensorType(tensor) != kTfLiteFloat32 || TfLiteTensorNumDims(tensor) != expected->count)
        return false;
    for (int i = 0; i < expected->count; i++) {
        if (TfLiteTensorDim(tensor, i) != expected->dims[i] || bytes > MAX_BYTES)
            return false;
        bytes *= (size_t)expected->dims[i];
    }
    return TfLiteTensorByteSize(tensor) == bytes && TfLiteTensorData(tensor);
}

static TfLiteTensor *input(tfbwe *d, const char *name, const shape *expected)
{
    TfLiteTensor *tensor = TfLiteSignatureRunnerGetInputTensor(d->runner, name);
    return fits(tensor, expected) ? tensor : NULL;
}

static const TfLiteTensor *output(tfbwe *d, const char *name, const shape *expected)
{
    const TfLiteTensor *tensor = TfLiteSignatureRunnerGetOutputTensor(d->runner, name);
    return fits(tensor, expected) ? tensor : NULL;
}

static bool find_state(tfbwe *d, const char *name, const shape *expected)
{
    char next[MAX_NAME + 5] = "next_";
    TfLiteTensor *now = input(d, name, expected);
    /* A name that is there twice would hide that another input stays unset. */
    if (!now || now == d->in_hop || now == d->in_cutoff || now == d->in_diffuse || now == d->in_lost)
        return false;
    for (int i = 0; i < d->state_count; i++)
        if (d->states[i].now == now)
            return false;
    memcpy(next + 5, name, strlen(name) + 1);
    state *s = &d->states[d->state_count++];
    s->now = now;
    s->next = output(d, next, expected);
    s->bytes = TfLiteTensorByteSize(now);
    return s->next != NULL;
}

/* Find all tensors by name; false if they are not those of the manifest, with their shapes. */
static bool find_tensors(tfbwe *d, const manifest *m)
{
    const shape one = {1, {1}}, hop = {2, {d->channels, HOP}};
    size_t states = (size_t)m->state_count;
    if (TfLiteSignatureRunnerGetInputCount(d->runner) != 4 + states ||
        TfLiteSignatureRunnerGetOutputCount(d->runner) != 3 + states)
        return false;
    d->in_hop = input(d, "hop", &hop);
    d->in_cutoff = input(d, "cutoff_hz", &one);
    d->in_diffuse = input(d, "diffuse", &one);
    d->in_lost = input(d, "lost", &one);
    d->out_high = output(d, "high_band", &hop);
    if (!d->in_hop || !d->in_cutoff || !d->in_diffuse || !d->in_lost || !d->out_high ||
        !output(d, "extended", &hop) || !output(d, "limited", &one))
        return false;
    for (int i = 0; i < m->state_count; i++)
        if (!find_state(d, m->names[i], &m->shapes[i]))
            return false;
    return true;
}

static TfLiteInterpreterOptions *make_options(tfbwe *d)
{
    TfLiteInterpreterOptions *options = TfLiteInterpreterOptionsCreate();
    if (!options)
        return NULL;
    TfLiteInterpreterOptionsSetNumThreads(options, 1);
    TfLiteInterpreterOptionsSetErrorReporter(options, say_nothing, NULL);
#ifdef TFBWE_XNNPACK
    if (TfLiteXNNPackDelegateCreate && TfLiteXNNPackDelegateDelete)
        d->delegate = TfLiteXNNPackDelegateCreate(NULL);
    if (d->delegate)
        TfLiteInterpreterOptionsAddDelegate(options, d->delegate);
#else
    (void)d;
#endif
    return options;
}

static tfbwe_error open_graph(tfbwe *d, const manifest *m)
{
    d->model = TfLiteModelCreateWithErrorReporter(d->flatbuffer, m->size, say_nothing, NULL);
    if (!d->model)
        return TFBWE_ERROR_GRAPH;
    TfLiteInterpreterOptions *options = make_options(d);
    if (!options)
        return TFBWE_ERROR_MEMORY;
    d->interpreter = TfLiteInterpreterCreate(d->model, options);
    TfLiteInterpreterOptionsDelete(options);
    if (!d->interpreter || TfLiteInterpreterGetSignatureCount(d->interpreter) != 1)
        return TFBWE_ERROR_GRAPH;
    const char *key = TfLiteInterpreterGetSignatureKey(d->interpreter, 0);
    d->runner = key ? TfLiteInterpreterGetSignatureRunner(d->interpreter, key) : NULL;
    if (!d->runner || TfLiteSignatureRunnerAllocateTensors(d->runner) != kTfLiteOk || !find_tensors(d, m))
        return TFBWE_ERROR_GRAPH;
    return TFBWE_OK;
}

/* TFLite leaves inputs as malloc gave them. */
static void clear_states(tfbwe *d)
{
    for (int i = 0; i < d->state_count; i++)
        memset(TfLiteTensorData(d->states[i].now), 0, d->states[i].bytes);
}

static void set_number(TfLiteTensor *tensor, float x) { *(float *)TfLiteTensorData(tensor) = x; }

/* Flush denormals in the graph: a decay into silence would make it many times slower on some processors. */
#if defined(__SSE__) || defined(_M_X64)
static uint64_t flush_denormals(void)
{
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
}
static void restore_denormals(uint64_t before) { _mm_setcsr((unsigned)before); }
#elif defined(__aarch64__) && defined(__GNUC__)
static uint64_t flush_denormals(void)
{
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t)1 << 24));
    return before;
}
static void restore_denormals(uint64_t before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
static uint64_t flush_denormals(void) { return 0; }
static void restore_denormals(uint64_t before) { (void)before; }
#endif

/* Turn the collected hop into high band. */
static tfbwe_error run_hop(tfbwe *d)
{
    size_t bytes = (size_t)d->channels * HOP * sizeof(float);
    memcpy(TfLiteTensorData(d->in_hop), d->hop, bytes);
    set_number(d->in_cutoff, d->cutoff_hz);
    set_number(d->in_diffuse, d->diffuse);
    set_number(d->in_lost, (float)d->lost);
    uint64_t control = flush_denormals();
    int status = TfLiteSignatureRunnerInvoke(d->runner);
    restore_denormals(control);
    if (status != kTfLiteOk) {
        clear_states(d);
        memset(d->high, 0, bytes);
        return TFBWE_ERROR_RUN;
    }
    for (int i = 0; i < d->state_count; i++)
        memcpy(TfLiteTensorData(d->states[i].now), TfLiteTensorData(d->states[i].next), d->states[i].bytes);
    memcpy(d->high, TfLiteTensorData(d->out_high), bytes);
    return TFBWE_OK;
}

/* ---- Creation ---- */

static bool make_buffers(tfbwe *d, const byte *data, size_t size)
{
    size_t channels = (size_t)d->channels;
    d->flatbuffer = malloc(size);
    d->hop = calloc(channels * HOP, sizeof(float));
    d->high = calloc(channels * HOP, sizeof(float));
    d->delay = calloc(channels * LATENCY, sizeof(float));
    if (!d->flatbuffer || !d->hop || !d->high || !d->delay)
        return false;
    memcpy(d->flatbuffer, data, size);
    return true;
}

static tfbwe_error create(tfbwe *d, const byte *data, size_t size, int channels)
{
    manifest m;
    tfbwe_error error = read_manifest(data, size, &m);
    if (error)
        return error;
    if (channels && channels != m.channels)
        return TFBWE_ERROR_CHANNELS;
    d->channels = m.channels;
    d->cutoff_hz = m.cutoff_hz;
    d->diffuse = 1;
    if (!make_buffers(d, data, m.size))
        return TFBWE_ERROR_MEMORY;
    error = open_graph(d, &m);
    if (!error)
        clear_states(d);
    return error;
}

tfbwe *tfbwe_create_memory(const void *data, size_t size, int channels, tfbwe_error *error)
{
    tfbwe_error ignored;
    tfbwe *d = NULL;
    error = error ? error : &ignored;
    if (!data || channels < 0 || channels > MAX_CHANNELS)
        *error = TFBWE_ERROR_ARGUMENT;
    else if (size > MAX_BYTES)
        *error = TFBWE_ERROR_FILE;
    else if (!(d = calloc(1, sizeof *d)))
        *error = TFBWE_ERROR_MEMORY;
    else if ((*error = create(d, data, size, channels))) {
        tfbwe_destroy(d);
        d = NULL;
    }
    return d;
}

static tfbwe_error read_file(const char *path, byte **data, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return TFBWE_ERROR_FILE;
    tfbwe_error error = TFBWE_ERROR_FILE;
    long end = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    if (end >= 0 && end <= MAX_BYTES && !fseek(file, 0, SEEK_SET)) {
        *size = (size_t)end;
        *data = malloc(*size ? *size : 1);
        if (!*data)
            error = TFBWE_ERROR_MEMORY;
        else if (fread(*data, 1, *size, file) == *size)
            error = TFBWE_OK;
    }
    fclose(file);
    return error;
}

tfbwe *tfbwe_create_file(const char *path, int channels, tfbwe_error *error)
{
    byte *data = NULL;
    size_t size = 0;
    tfbwe *d = NULL;
    tfbwe_error found = path ? read_file(path, &data, &size) : TFBWE_ERROR_ARGUMENT;
    if (!found)
        d = tfbwe_create_memory(data, size, channels, &found);
    free(data);
    if (error)
        *error = found;
    return d;
}

void tfbwe_destroy(tfbwe *d)
{
    if (!d)
        return;
    if (d->runner)
        TfLiteSignatureRunnerDelete(d->runner);
    if (d->interpreter)
        TfLiteInterpreterDelete(d->interpreter);
#ifdef TFBWE_XNNPACK
    if (d->delegate)
        TfLiteXNNPackDelegateDelete(d->delegate);
#endif
    if (d->model)
        TfLiteModelDelete(d->model);
    free(d->flatbuffer);
    free(d->hop);
    free(d->high);
    free(d->delay);
    free(d);
}

/* ---- Use ---- */

/* By their bits, since compilers may be told that there is no NaN. */
static bool all_finite(const float *x, size_t n)
{
    uint32_t bits;
    for (size_t i = 0; i < n; i++) {
        memcpy(&bits, x + i, sizeof bits);
        if ((bits & 0x7f800000) == 0x7f800000)
            return false;
    }
    return true;
}

static tfbwe_error check_block(const tfbwe *d, const float *const *in, float *const *out, size_t frames)
{
    if (!d || (frames && !out))
        return TFBWE_ERROR_ARGUMENT;
    for (int c = 0; frames && c < d->channels; c++)
        if (!out[c] || (in && !in[c]))
            return TFBWE_ERROR_ARGUMENT;
    for (int c = 0; frames && in && c < d->channels; c++)
        if (!all_finite(in[c], frames))
            return TFBWE_ERROR_SAMPLES;
    return TFBWE_OK;
}

/* One channel's samples that end within the hop and the delay; `in` may be `out`. */
static void pass(tfbwe *d, int channel, const float *in, float *out, size_t count)
{
    size_t c = (size_t)channel;
    float *hop = d->hop + c * HOP + d->filled, *delay = d->delay + c * LATENCY + d->place;
    const float *high = d->high + c * HOP + d->filled;
    for (size_t i = 0; i < count; i++) {
        float x = in ? in[i] : 0, late = delay[i];
        hop[i] = delay[i] = x;
        out[i] = late + high[i];
    }
}

tfbwe_error tfbwe_process(tfbwe *d, const float *const *in, float *const *out, size_t frames)
{
    tfbwe_error error = check_block(d, in, out, frames), failed;
    if (error || !frames)
        return error;
    if (in)
        d->lost = 0;
    for (size_t done = 0, count; done < frames; done += count) {
        /* The delay is whole hops long, so a hop never wraps around in it. */
        count = frames - done < HOP - d->filled ? frames - done : HOP - d->filled;
        for (int c = 0; c < d->channels; c++)
            pass(d, c, in ? in[c] + done : NULL, out[c] + done, count);
        d->lost += in ? 0 : count;
        d->filled += count;
        d->place = (d->place + count) % LATENCY;
        if (d->filled == HOP) {
            d->filled = 0;
            if ((failed = run_hop(d)))
                error = failed;
        }
    }
    return error;
}

tfbwe_error tfbwe_set_cutoff(tfbwe *d, float cutoff_hz)
{
    if (!d || !(cutoff_hz >= 0 && cutoff_hz <= TFBWE_SAMPLE_RATE / 2))
        return TFBWE_ERROR_ARGUMENT;
    d->cutoff_hz = cutoff_hz;
    return TFBWE_OK;
}

tfbwe_error tfbwe_set_diffuse(tfbwe *d, float diffuse)
{
    if (!d || !(diffuse >= 0 && diffuse <= 1))
        return TFBWE_ERROR_ARGUMENT;
    d->diffuse = diffuse;
    return TFBWE_OK;
}

void tfbwe_reset(tfbwe *d)
{
    size_t channels;
    if (!d)
        return;
    channels = (size_t)d->channels;
    memset(d->hop, 0, channels * HOP * sizeof(float));
    memset(d->high, 0, channels * HOP * sizeof(float));
    memset(d->delay, 0, channels * LATENCY * sizeof(float));
    d->filled = d->place = 0;
    d->lost = 0;
    clear_states(d);
}

int tfbwe_channels(const tfbwe *d) { return d ? d->channels : 0; }

float tfbwe_cutoff(const tfbwe *d) { return d ? d->cutoff_hz : 0; }

int tfbwe_latency(const tfbwe *d)
{
    (void)d; /* all graphs of this kind have the same */
    return LATENCY;
}

const char *tfbwe_error_text(tfbwe_error error)
{
    switch (error) {
    case TFBWE_OK: return "no error";
    case TFBWE_ERROR_ARGUMENT: return "an argument is missing or outside its range";
    case TFBWE_ERROR_MEMORY: return "not enough memory";
    case TFBWE_ERROR_FILE: return "the model file cannot be read, or is larger than 64 MiB";
    case TFBWE_ERROR_FOREIGN: return "no manifest at the end of the model: cut, or not made by tfbwe-export";
    case TFBWE_ERROR_DAMAGED: return "the model is damaged: its bytes are not those that its manifest describes";
    case TFBWE_ERROR_VERSION: return "the model is of a newer format; use a newer version of libtfbwe";
    case TFBWE_ERROR_KIND: return "not a graph from wave to wave; export one with tfbwe-export --graph wave";
    case TFBWE_ERROR_CHANNELS: return "the model was made for another number of channels";
    case TFBWE_ERROR_GRAPH: return "TFLite refuses the graph, or its tensors are not those of its manifest";
    case TFBWE_ERROR_SAMPLES: return "expected finite samples, received NaN or infinite ones";
    case TFBWE_ERROR_RUN: return "TFLite failed to run the graph";
    }
    return "unknown error";
}
