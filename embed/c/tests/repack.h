/* Model files made of a real one; included after the source, whose checks they pass or fail. */
#ifndef TFBWE_TESTS_REPACK_H
#define TFBWE_TESTS_REPACK_H

typedef struct {
    byte *data;
    size_t size;
} bytes;

static bytes bytes_of(const char *path)
{
    bytes b = {NULL, 0};
    if (read_file(path, &b.data, &b.size)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    return b;
}

/* A flatbuffer with any text as its manifest, in a zip that is right. */
static bytes packed(const byte *flatbuffer, size_t size, const char *text, size_t length)
{
    size_t head = sizeof ZIP_HEAD, list = sizeof ZIP_LIST;
    bytes b = {malloc(size + head + length + list), size + head + length + list};
    byte *zip = b.data + size, *end = zip + head + length;
    uint32_t crc = crc32_of((const byte *)text, length);
    memcpy(b.data, flatbuffer, size);
    memcpy(zip, ZIP_HEAD, head);
    memcpy(zip + head, text, length);
    memcpy(end, ZIP_LIST, list);
    put_sizes(zip + 14, crc, (uint32_t)length);
    put_sizes(end + 16, crc, (uint32_t)length);
    put32(end + 72, (uint32_t)(length + head));
    return b;
}

#endif
